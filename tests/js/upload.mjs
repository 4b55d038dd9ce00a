// Uploads a file with tus-js-client, cuts the upload on the way, and resumes it as a new client.
// node upload.mjs ENDPOINT FILE METADATA_JSON  (the access token comes by environment, never by argv)
import { readFile } from 'node:fs/promises'
import * as tus from 'tus-js-client'

const [endpoint, file, metadata] = process.argv.slice(2)
const token = process.env.BLINDSPOT_TOKEN
const bytes = await readFile(file)
const said = { cut_at: null, resumed_from: null, verified: null, url: null, statuses: [] }

function options(more) {
  return {
    endpoint,
    headers: { Authorization: `Bearer ${token}` },
    metadata: JSON.parse(metadata),
    chunkSize: 64 * 1024,
    retryDelays: null,
    onAfterResponse: (request, response) => {
      said.statuses.push(`${request.getMethod()} ${response.getStatus()}`)
      const verified = response.getHeader('Upload-Verified')
      if (verified) said.verified = verified
    },
    ...more,
  }
}

// First client: stops in the middle.
said.url = await new Promise((resolve, reject) => {
  const upload = new tus.Upload(bytes, options({
    onError: reject,
    onChunkComplete: (_size, accepted, total) => {
      if (said.cut_at === null && accepted * 2 >= total) {
        said.cut_at = accepted
        upload.abort(false).then(() => resolve(upload.url), reject)
      }
    },
    onSuccess: () => reject(new Error('finished before it was cut')),
  }))
  upload.start()
})

// Second client: knows only the address, asks where to go on.
await new Promise((resolve, reject) => {
  const upload = new tus.Upload(bytes, options({
    uploadUrl: said.url,
    onError: reject,
    onProgress: (sent) => { if (said.resumed_from === null) said.resumed_from = sent },
    onSuccess: resolve,
  }))
  upload.start()
})
console.log(JSON.stringify(said))
