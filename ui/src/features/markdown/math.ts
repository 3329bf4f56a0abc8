// Formulas in Markdown: $$…$$, \[…\] and \(…\). A single $ stays a dollar, because answers speak of money too.
import type { MarkdownIt } from 'markdown-it'

const inlinePairs = [
  { open: '$$', close: '$$', display: true },
  { open: '\\[', close: '\\]', display: true },
  { open: '\\(', close: '\\)', display: false },
] as const

export interface Formula {
  tex: string
  display: boolean
  /** The index after the closing mark. */
  end: number
}

/** The formula that starts at `start`, if one does and is closed. */
export function formulaAt(text: string, start: number): Formula | undefined {
  const pair = inlinePairs.find(({ open }) => text.startsWith(open, start))
  if (!pair) return undefined
  const from = start + pair.open.length
  const to = text.indexOf(pair.close, from)
  if (to < 0) return undefined
  const tex = text.slice(from, to).trim()
  return tex === '' ? undefined : { tex, display: pair.display, end: to + pair.close.length }
}

/** Makes `math` tokens of formulas; `content` is the TeX, `info` is "display" or "inline". */
export function mathPlugin(md: MarkdownIt): void {
  // Before "escape", which would eat the backslash of \( .
  md.inline.ruler.before('escape', 'math', (state, silent) => {
    const formula = formulaAt(state.src, state.pos)
    if (!formula || formula.end > state.posMax) return false
    if (!silent) {
      const token = state.push('math', 'span', 0)
      token.content = formula.tex
      token.info = formula.display ? 'display' : 'inline'
    }
    state.pos = formula.end
    return true
  })
  // A formula over several lines is one block, or a line of it could read as a list or a heading.
  md.block.ruler.before(
    'fence',
    'math',
    (state, startLine, endLine, silent) => {
      const start = (state.bMarks[startLine] ?? 0) + (state.tShift[startLine] ?? 0)
      const open = ['$$', '\\['].find((mark) => state.src.startsWith(mark, start))
      if (open === undefined) return false
      const close = open === '$$' ? '$$' : '\\]'
      for (let line = startLine; line < endLine; line += 1) {
        const lineStart = line === startLine ? start + 2 : (state.bMarks[line] ?? 0)
        const text = state.src.slice(lineStart, state.eMarks[line]).trimEnd()
        if (text.includes(close) && !text.endsWith(close)) return false
        if (!text.endsWith(close)) continue
        if (silent) return true
        const end = lineStart + text.length - 2
        const tex = state.src.slice(start + 2, end).trim()
        if (tex === '') return false
        const token = state.push('math', 'div', 0)
        token.block = true
        token.content = tex
        token.info = 'display'
        token.map = [startLine, line + 1]
        state.line = line + 1
        return true
      }
      return false
    },
    { alt: ['paragraph'] },
  )
  md.renderer.rules.math = (tokens, index) => {
    const token = tokens[index]
    if (!token) return ''
    const tag = token.block ? 'div' : 'span'
    return `<${tag} class="math" data-math="${token.info}">${md.utils.escapeHtml(token.content)}</${tag}>`
  }
}
