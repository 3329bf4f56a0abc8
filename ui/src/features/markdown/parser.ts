// The one Markdown parser of the page. Raw HTML stays text.
import MarkdownIt from 'markdown-it'
import { mathPlugin } from './math'

export const parser = new MarkdownIt({ html: false, linkify: true, breaks: false, typographer: false })
parser.linkify.set({ fuzzyLink: false, fuzzyEmail: false })
parser.use(mathPlugin)
