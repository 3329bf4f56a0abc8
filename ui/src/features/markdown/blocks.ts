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
  const starts = blockStarts(text)
  const lines = lineOffsets(text)
  // The first block takes the blank lines before it, so that nothing gets lost.
  const offsets = [0, ...starts.slice(1).map((line) => lines[line] ?? text.length)]
  const blocks = offsets.map((offset, index) => text.slice(offset, offsets[index + 1] ?? text.length))
  // Appended text goes into the last block. While that is one unfinished line, it may yet turn out to belong to the
  // block before ("#" is a heading, "#1" a word).
  const last = blocks.at(-1) ?? ''
  return { blocks, open: last.trimStart().includes('\n') ? 1 : 2 }
}

function blockStarts(text: string): number[] {
  const starts: number[] = []
  for (const token of parser.parse(text, { blocksOnly: true })) {
    if (token.level === 0 && token.nesting >= 0 && token.map) starts.push(token.map[0])
  }
  return starts
}

function lineOffsets(text: string): number[] {
  const offsets = [0]
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) offsets.push(at + 1)
  return offsets
}
