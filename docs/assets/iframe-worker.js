// A page from a file may not start a Web Worker. The site's search runs in one, so where the page
// is a file its script runs in a hidden frame instead: the same messages, and no network.
if (location.protocol === "file:") {
  window.Worker = class extends EventTarget {
    constructor(url) {
      super()
      this.onmessage = null
      this.waiting = []
      this.frame = document.createElement("iframe")
      this.frame.hidden = true
      // The script speaks to its page (without a target), the page to it (with one), and what it
      // imports is loaded one after the other.
      this.frame.srcdoc =
        "<script>" +
        "postMessage = (data, target) => target === undefined ? parent.postMessage(data, '*')" +
        " : dispatchEvent(new MessageEvent('message', { data }));" +
        "importScripts = (...urls) => urls.reduce((before, url) => before.then(() =>" +
        " new Promise((done, failed) => {" +
        " const script = document.createElement('script');" +
        " script.src = url; script.onload = done; script.onerror = failed;" +
        " document.body.appendChild(script) })), Promise.resolve())" +
        "<\/script><body><script src='" + url + "'><\/script></body>"
      this.frame.addEventListener("load", () => {
        const waiting = this.waiting
        this.waiting = null
        waiting.forEach(message => this.postMessage(message))
      })
      window.addEventListener("message", event => {
        if (event.source !== this.frame.contentWindow) return
        const message = new MessageEvent("message", { data: event.data })
        this.dispatchEvent(message)
        if (this.onmessage) this.onmessage(message)
      })
      document.body.appendChild(this.frame)
    }

    postMessage(message) {
      if (this.waiting) this.waiting.push(message)
      else this.frame.contentWindow.postMessage(message, "*")
    }

    terminate() {
      this.frame.remove()
    }
  }
}
