// A browser on another host: trusts the trial CA, opens /start over https, keeps its service worker without a network,
// and is told over http what does not work.
// node start.mjs HTTPS_BASE INSTALL_PAGE HTTP_BASE LINK FOLDER     prints one line of JSON
import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'

const run = promisify(execFile)
const [https, install, http, link, folder] = process.argv.slice(2)
const said = { violations: [] }
const PATIENCE = 60_000
const args = [
  '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync',
]

async function browser(home) {
  await mkdir(`${folder}/${home}/.pki/nssdb`, { recursive: true })
  const env = { ...process.env, HOME: `${folder}/${home}` }
  const context = await chromium.launchPersistentContext(`${folder}/${home}/profile`, {
    executablePath: '/usr/bin/chromium', headless: true, args, env, timeout: PATIENCE,
  })
  context.setDefaultTimeout(PATIENCE)
  const page = context.pages()[0] ?? await context.newPage()
  page.on('console', (m) => { if (/Content Security Policy/i.test(m.text())) said.violations.push(m.text()) })
  return { context, page }
}

// A cable that was plugged in a moment ago makes Chromium begin anew.
async function open(page, url) {
  for (let left = 20; ; left--) {
    const error = await page.goto(url).then(() => null, (e) => e)
    if (!error) return 'opened'
    const name = error.message.match(/ERR_\w+/)?.[0] ?? error.message
    if (name !== 'ERR_NETWORK_CHANGED' || left === 0) return name
    await new Promise((resolve) => setTimeout(resolve, 500))
  }
}

async function checks(page) {
  await page.waitForSelector('body[data-done]', { timeout: PATIENCE })
  return page.evaluate(() => Object.fromEntries(
    [...document.querySelectorAll('#checks li')].map((li) => [li.id.slice('check-'.length), li.dataset.state])))
}

// Who does not trust the CA gets nowhere: what is shown below is the CA's doing.
const stranger = await browser('stranger')
said.untrusted = await open(stranger.page, `${https}/start`)
await stranger.context.close()

// As the install page says: fetch the CA over http, compare, trust it.
const answer = await fetch(`${install}/ca.crt`)
said.ca_type = answer.headers.get('content-type')
const ca = Buffer.from(await answer.arrayBuffer())
const print = createHash('sha256').update(ca).digest('hex').toUpperCase().match(/../g).join(':')
said.fingerprint_shown = (await (await fetch(install)).text()).includes(print)
const db = `sql:${folder}/phone/.pki/nssdb`
await mkdir(`${folder}/phone/.pki/nssdb`, { recursive: true })
await writeFile(`${folder}/ca.crt`, ca)
await run('certutil', ['-d', db, '-N', '--empty-password'])
await run('certutil', ['-d', db, '-A', '-n', 'blindspot-trial', '-t', 'C,,', '-i', `${folder}/ca.crt`])

const { context, page } = await browser('phone')
said.opened = await open(page, `${https}/start`)
said.first = await checks(page)
said.reloaded = await open(page, `${https}/start`)
said.second = await checks(page)
said.controlled = await page.evaluate(() => navigator.serviceWorker.controller?.scriptURL ?? null)

// The network goes away; the page stays.
await run('ip', ['link', 'set', link, 'down'])
said.opened_offline = await open(page, `${https}/start`)
said.offline_title = await page.title()
said.offline_reached = await page.evaluate(() => fetch('/version').then(() => true, () => false))
said.offline = await checks(page)
await run('ip', ['link', 'set', link, 'up'])

// The same host in the open.
said.opened_http = await open(page, `${http}/start`)
said.http = await checks(page)
said.http_words = await page.evaluate(() => document.body.innerText)
said.http_private = (await fetch(`${http}/v1/me`)).status
said.http_private_code = (await (await fetch(`${http}/v1/me`)).json()).code
await context.close()
console.log(JSON.stringify(said))
