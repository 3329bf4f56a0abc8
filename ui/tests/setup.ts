// The tests speak English, and jsdom has dialogs that can be neither opened nor closed.
import { setLanguage, withTexts } from '@/i18n'

// Tests of files have no page.
if (typeof HTMLDialogElement !== 'undefined') {
  HTMLDialogElement.prototype.showModal = function () {
    this.open = true
  }
  HTMLDialogElement.prototype.close = function () {
    this.open = false
  }
}

await setLanguage('en')
await withTexts(() => Promise.resolve())()
