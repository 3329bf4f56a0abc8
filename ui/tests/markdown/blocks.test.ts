import { describe, expect, it } from 'vitest'
import { cutBlocks, noBlocks, type Blocks } from '@/features/markdown/blocks'
import { renderMarkdown } from '@/features/markdown/render'
import { seeded } from '../support'

const texts = {
  prose: 'One.\n\nTwo\nlines.\n\n\n# Three\n#4 is a word\n\nSetext\n===\nFive\n\n---\n\n**six**',
  fence: 'Code:\n\n```ts\nconst a = 1\n\n# no heading\n\n- no list\n```\nafter\n\n~~~\nopen\n\nstill open',
  table: 'Table:\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\nAfter it.\n\n| not | one |\n\nend',
  list: '- one\n- two\n\n  more of two\n\n  - inner\n\n- three\n\nText\n\n1. a\n\n   ```\n   code\n\n   in it\n   ```\n2. b\n\n> quote\nlazy\n\n> other',
  math: 'So\n\n$$\na = b\n\n$$\n\nand \\(x\\) then\n\n\\[\n- c\n\\]\n\nend\n$$\nd\n\n# e\n\nf $$\n\n$$g$$ h\n\ni',
  indented: '\n\n    code\n\n    more\n\nText 😀\n',
}

const drawn = new Map<string, string>()

/** Rendering is slow without a browser: each text only once. */
function draw(text: string): string {
  const root = document.createElement('div')
  root.append(renderMarkdown(text))
  return root.innerHTML
}

function html(blocks: readonly string[]): string {
  const parts = blocks.map((block) => {
    const known = drawn.get(block) ?? draw(block)
    drawn.set(block, known)
    return known
  })
  return parts.join('').replace(/\s+/g, ' ').replaceAll('> <', '><').trim()
}

/** The text in random pieces, one after the other; each step as it was cut. */
function grow(text: string, random: () => number): Blocks[] {
  const steps: Blocks[] = []
  let before = noBlocks
  for (let end = 0; end < text.length; ) {
    end = Math.min(text.length, end + 1 + Math.floor(random() * 9))
    before = cutBlocks(text.slice(0, end), before)
    steps.push(before)
  }
  return steps
}

describe.each(Object.entries(texts))('%s that grows', (_, text) => {
  it.each([1, 2, 5])('looks at every step as if it had been there at once (seed %i)', (seed) => {
    for (const step of grow(text, seeded(seed))) {
      expect(step.blocks.join('')).toBe(step.source)
      expect(html(step.blocks)).toBe(html([step.source]))
    }
  })

  it('never changes a block that has settled', () => {
    let settled: readonly string[] = []
    for (const step of grow(text, () => 0)) {
      expect(step.settled).toBeLessThanOrEqual(step.blocks.length)
      expect(step.blocks.slice(0, settled.length)).toEqual(settled)
      settled = step.blocks.slice(0, step.settled)
    }
  })
})

describe('the blocks of a long answer', () => {
  it('settle as it grows, so that only its end is parsed again', () => {
    const steps = grow(Array.from({ length: 50 }, (_, index) => `Paragraph ${index}.\n\n`).join(''), seeded(1))
    for (const { blocks, settled } of steps) expect(blocks.length - settled).toBeLessThanOrEqual(2)
    expect(steps.at(-1)?.blocks).toHaveLength(50)
  })

  it('are the same when nothing came', () => {
    const before = cutBlocks('a\n\nb', noBlocks)
    expect(cutBlocks('a\n\nb', before)).toBe(before)
  })

  it('are cut anew when another run writes another text', () => {
    const before = cutBlocks('a\n\nb\n\nc\n\nd', noBlocks)
    expect(before.settled).toBeGreaterThan(0)
    expect(cutBlocks('x\n\ny', before).blocks.join('')).toBe('x\n\ny')
    expect(cutBlocks('', before)).toEqual(noBlocks)
  })
})
