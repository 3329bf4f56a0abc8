// Cuts Markdown into its top-level blocks, and again cheaply when text is appended: only the end is parsed again.
import { parser } from './parser'

export interface Blocks {
  readonly source: string
  /** Their joined text is the source. */
  readonly blocks: readonly string[]
  /** How many leading blocks no appended text can change any more. */
  readonly settled: number
}

export const noBlocks: Blocks = { source: '', blocks: [], settled: 0 }

/** The blocks of `source`. When it continues `before.source`, the settled blocks are taken over as they are. */
export function cutBlocks(source: string, before: Blocks = noBlocks): Blocks {
  if (source === before.source) return before
  const continues = before.settled > 0 && source.startsWith(before.source)
  const kept = continues ? before.blocks.slice(0, before.settled) : []
  const from = kept.reduce((length, block) => length + block.length, 0)
  const tail = cut(source.slice(from))
  const blocks = [...kept, ...tail.blocks]
  return { source, blocks, settled: Math.max(0, blocks.length - tail.open) }
}

/** The top-level blocks of a text and how many of the last ones may still change. */
function cut(text: string): { blocks: string[]; open: number } {
  if (text === '') return { blocks: [], open: 0 }
  const tops = topTokens(text)
  const lines = lineOffsets(text)
  // The first block takes the blank lines before it, so that nothing gets lost.
  const offsets = [0, ...tops.slice(1).map(({ line }) => lines[line] ?? text.length)]
  const blocks = offsets.map((offset, index) => text.slice(offset, offsets[index + 1] ?? text.length))
  // Appended text goes into the last block. While that is one unfinished line, it may yet turn out to belong to the
  // block before ("#" is a heading, "#1" a word).
  const last = blocks.at(-1) ?? ''
  const growing = last.trimStart().includes('\n') ? 1 : 2
  // A formula whose end has not come yet reads as other blocks, all of which its end will take back.
  const formula = blocks.findIndex((block, index) => tops[index]?.text && opensFormula(block, text.slice(offsets[index])))
  return { blocks, open: formula < 0 ? growing : Math.max(growing, blocks.length - formula) }
}

/** Whether a line of the block begins a formula that nothing in the rest of the text, from this block on, ends. */
function opensFormula(block: string, rest: string): boolean {
  return Array.from(block.matchAll(/^ {0,3}(\$\$|\\\[)/gm)).some(
    (match) => !rest.includes(match[1] === '$$' ? '$$' : '\\]', match.index + match[0].length),
  )
}

/** The line where each top-level block starts, and whether it is text (a paragraph or heading). */
function topTokens(text: string): { line: number; text: boolean }[] {
  const tops: { line: number; text: boolean }[] = []
  for (const token of parser.parse(text, { blocksOnly: true })) {
    if (token.level !== 0 || token.nesting < 0 || !token.map) continue
    tops.push({ line: token.map[0], text: token.type === 'paragraph_open' || token.type === 'heading_open' })
  }
  return tops
}

function lineOffsets(text: string): number[] {
  const offsets = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) offsets.push(at + 1)
  return offsets
}
