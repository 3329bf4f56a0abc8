// The one Markdown parser of the page. Raw HTML stays text.
import MarkdownIt from 'markdown-it'
import { mathPlugin } from './math'

export const parser = new MarkdownIt({ html: false, linkify: true, breaks: false, typographer: false })
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false })
parser.use(mathPlugin)

// A column's alignment as a class: style attributes need an exception in a Content-Security-Policy.
parser.core.ruler.push('align', (state) => {
  for (const token of state.tokens) {
    if (token.type !== 'td_open' && token.type !== 'th_open') continue
    const align = /text-align:(right|center)/.exec(String(token.attrGet('style') ?? ''))?.[1]
    token.attrs = align === undefined ? null : [['class', `align-${align}`]]
  }
})
