// Formulas set by KaTeX; loaded only when a formula is there.
import 'katex/dist/katex.min.css'
import katex from 'katex'
import type { MathSetter } from './render'

/** Untrusted TeX: no links, no raw HTML, bounded macros and sizes. What KaTeX cannot read stays as it was written. */
export const setMath: MathSetter = (tex, element, display) => {
  try {
    katex.render(tex, element, { displayMode: display, throwOnError: true, trust: false, strict: false, maxExpand: 200, maxSize: 20 })
  } catch {
    element.textContent = tex
    element.classList.add('math-unread')
  }
}
