// 这台手机能用吗: tests what the field app will need, in plain words. Sends nothing but a request for /version.
"use strict";

const list = document.getElementById("checks");
const states = new Map();

// Each check: id, name, and a function giving [state, Chinese, English]; state is good, note or bad.
const NAMES = {
  browser: ["浏览器", "Browser"],
  secure: ["安全连接", "Secure connection"],
  storage: ["本机存储", "Storage on this phone"],
  keep: ["存储不被清理", "Storage is kept"],
  space: ["剩余空间", "Free space"],
  camera: ["摄像头", "Camera"],
  position: ["定位", "Position"],
  offline: ["离线打开", "Opens offline"],
  clock: ["手机时间", "This phone's clock"],
};

function show(id, state, zh, en) {
  let item = document.getElementById("check-" + id);
  if (!item) {
    item = document.createElement("li");
    item.id = "check-" + id;
    list.append(item);
  }
  item.dataset.state = state;
  const line = (tag, cls, text) => {
    const part = document.createElement(tag);
    part.className = cls;
    part.textContent = text;
    return part;
  };
  item.replaceChildren(line("b", "", NAMES[id].join(" · ")), line("span", "", zh), line("span", "en", en));
  states.set(id, state);
  conclude();
}

function conclude() {
  const verdict = document.getElementById("verdict");
  const all = [...states.values()];
  const worst = ["bad", "wait", "note", "good"].find((s) => all.includes(s)) || "wait";
  verdict.dataset.state = worst;
  verdict.textContent = {
    bad: "不行：有必需的功能不能用，见下\nNot yet: something needed does not work, see below",
    wait: "正在检查…\nchecking…",
    note: "能用，有几点要注意\nIt will do; mind the notes",
    good: "能用\nIt will do",
  }[worst];
}

function inApp() {
  const ua = navigator.userAgent;
  const apps = [
    [/wxwork/i, "企业微信", "WeCom"],
    [/MicroMessenger/i, "微信", "WeChat"],
    [/DingTalk/i, "钉钉", "DingTalk"],
    [/Lark|Feishu/i, "飞书", "Feishu"],
    [/AlipayClient/i, "支付宝", "Alipay"],
    [/ QQ\//i, "QQ", "QQ"],
    [/Weibo/i, "微博", "Weibo"],
  ];
  return apps.find(([pattern]) => pattern.test(ua));
}

const HTTP_ZH = "网址是 http 开头，浏览器不给用；请用 https 网址打开";
const HTTP_EN = "the address begins with http, so the browser refuses; open the https address";

const checks = {
  browser() {
    const app = inApp();
    if (app) {
      for (const [id, text] of [["elsewhere-app", app[1]], ["elsewhere-app-en", app[2]], ["address", location.href]]) {
        document.getElementById(id).textContent = text;
      }
      document.getElementById("elsewhere").hidden = false;
      return ["bad", app[1] + "里不能用，见上", "does not work inside " + app[2] + ", see above"];
    }
    const wanted = ["WebAssembly", "BigInt", "Worker", "indexedDB", "structuredClone"];
    const missing = wanted.filter((name) => !(name in window));
    return missing.length
      ? ["bad", "浏览器太旧，请升级系统浏览器或装 Chrome/Edge", "too old (" + missing + "): update it, or install Chrome or Edge"]
      : ["good", "可以", "fine"];
  },
  secure() {
    return window.isSecureContext
      ? ["good", "可以", "fine"]
      : ["bad", "不是 https：摄像头、定位、离线和本机存储都不能用", "no https: camera, position, offline work and storage do not work"];
  },
  async storage() {
    if (!navigator.storage || !navigator.storage.getDirectory) {
      return window.isSecureContext
        ? ["bad", "浏览器没有文件存储（OPFS），照片存不住；请换 Chrome/Edge/Safari 新版", "no file storage (OPFS): photos cannot be kept; use a recent Chrome, Edge or Safari"]
        : ["bad", HTTP_ZH, HTTP_EN];
    }
    const root = await navigator.storage.getDirectory();
    const name = "start-check-" + Math.random();
    const file = await root.getFileHandle(name, { create: true });
    if (file.createWritable) {
      const writer = await file.createWritable();
      await writer.write("净格");
      await writer.close();
      const back = await (await file.getFile()).text();
      if (back !== "净格") return ["bad", "写进去的读不出来", "what was written does not come back"];
    }
    await root.removeEntry(name);
    return ["good", "可以", "fine"];
  },
  async keep() {
    if (!navigator.storage || !navigator.storage.persist) return ["bad", HTTP_ZH, HTTP_EN];
    return (await navigator.storage.persisted()) || (await navigator.storage.persist())
      ? ["good", "可以", "fine"]
      : ["note", "浏览器说空间紧张时可能清掉；把本页“添加到主屏幕”后再看", "the browser may clear it when space is short; add this page to the home screen and look again"];
  },
  async space() {
    if (!navigator.storage || !navigator.storage.estimate) return ["note", "看不到", "cannot be told"];
    const { quota = 0, usage = 0 } = await navigator.storage.estimate();
    const mb = Math.floor((quota - usage) / 1e6);
    return mb >= 500
      ? ["good", "可用 " + mb + " MB", mb + " MB"]
      : ["bad", "只剩 " + mb + " MB，一天的照片约要 300 MB，请清理手机", "only " + mb + " MB; a day's photos take about 300 MB: free some"];
  },
  async camera() {
    if (!navigator.mediaDevices || !navigator.mediaDevices.getUserMedia) {
      return ["bad", window.isSecureContext ? "浏览器不给用摄像头" : HTTP_ZH, window.isSecureContext ? "the browser has no camera" : HTTP_EN];
    }
    const devices = await navigator.mediaDevices.enumerateDevices();
    return devices.some((d) => d.kind === "videoinput")
      ? ["good", "有摄像头；点下面按钮试一下", "there is one; try it with the button below"]
      : ["note", "没看到摄像头", "none was seen"];
  },
  position() {
    if (!navigator.geolocation || !window.isSecureContext) {
      return ["bad", window.isSecureContext ? "浏览器没有定位" : HTTP_ZH, window.isSecureContext ? "the browser has no position" : HTTP_EN];
    }
    return ["good", "可以请求定位；点下面按钮试一下", "it can be asked for; try it with the button below"];
  },
  async offline() {
    if (!("serviceWorker" in navigator)) {
      return ["bad", window.isSecureContext ? "浏览器不支持离线打开" : HTTP_ZH, window.isSecureContext ? "the browser cannot" : HTTP_EN];
    }
    try {
      await navigator.serviceWorker.register("/start/sw.js", { scope: "/start" });
    } catch (error) {
      return ["bad", "证书不受信任（自签名？），浏览器不给装离线功能：" + error.message, "the certificate is not trusted (self-signed?), the browser refuses: " + error.message];
    }
    await navigator.serviceWorker.ready;
    return navigator.serviceWorker.controller
      ? ["good", "可以：断网也能打开本页", "fine: this page opens without a network"]
      : ["good", "已装好，刷新一次后断网也能打开", "installed; reload once and it opens without a network"];
  },
  async clock() {
    const began = Date.now();
    const answer = await fetch("/version", { cache: "no-store" });
    const server = Date.parse(answer.headers.get("date"));
    const off = Math.round((Date.now() + began) / 2000 - server / 1000);
    return Math.abs(off) <= 120
      ? ["good", "和服务器一致", "agrees with the server's"]
      : ["note", "和服务器差 " + off + " 秒，请打开自动对时", off + " s off the server's: switch on automatic time"];
  },
};

function run(id, check) {
  show(id, "wait", "…", "…");
  const limit = new Promise((_, fail) => setTimeout(() => fail(new Error("10 s")), 10000));
  return Promise.race([Promise.resolve().then(check), limit]).then(
    (found) => show(id, ...found),
    (error) =>
      id === "clock" && !navigator.onLine
        ? show(id, "note", "现在没有网络", "no network now")
        : show(id, id === "clock" ? "note" : "bad", "检查出错：" + error.message, "the check failed: " + error.message),
  );
}

async function tryOut() {
  try {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    stream.getTracks().forEach((t) => t.stop());
    show("camera", "good", "摄像头能用", "the camera works");
  } catch (error) {
    show("camera", "bad", "摄像头不能用：" + error.message, "the camera does not work: " + error.message);
  }
  if (!navigator.geolocation) return;
  navigator.geolocation.getCurrentPosition(
    (found) => {
      const m = Math.round(found.coords.accuracy);
      show("position", m <= 100 ? "good" : "note", "定位误差约 " + m + " 米", "accurate to about " + m + " m");
    },
    (error) => show("position", "bad", "定位不能用：" + error.message, "position does not work: " + error.message),
    { enableHighAccuracy: true, timeout: 20000 },
  );
}

document.getElementById("try").addEventListener("click", tryOut);
document.getElementById("copy").addEventListener("click", () => navigator.clipboard && navigator.clipboard.writeText(location.href));
Promise.all(Object.entries(checks).map(([id, check]) => run(id, check))).then(() => {
  document.body.dataset.done = "1";
});
