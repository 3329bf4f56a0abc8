// Diagrams by Mermaid; loaded only when one is to be shown. A diagram becomes an image: nothing in it can run, link or style.
import mermaid from 'mermaid'
import { randomId } from '@/lib/ids'

const longestSource = 20_000
/** Mermaid keeps its settings in one place, so that one diagram is drawn after the other. */
let queue: Promise<unknown> = Promise.resolve()

// The page's own colours (styles/tokens.css) in the only notation Mermaid reads.
const lightColours = {
  darkMode: false,
  background: '#ffffff',
  primaryColor: '#dff1ef',
  primaryTextColor: '#162423',
  primaryBorderColor: '#0d5c63',
  lineColor: '#4a5b59',
  secondaryColor: '#eef4f0',
  tertiaryColor: '#fbf3df',
  edgeLabelBackground: '#ffffff',
  dropShadow: 'none',
}
const darkColours = {
  darkMode: true,
  background: '#1d2524',
  primaryColor: '#1c3533',
  primaryTextColor: '#e8efeb',
  primaryBorderColor: '#6cc3b9',
  lineColor: '#a5b3b0',
  secondaryColor: '#263030',
  tertiaryColor: '#3a311c',
  edgeLabelBackground: '#1d2524',
  dropShadow: 'none',
}

export interface Diagram {
  /** A data: address of an SVG. */
  src: string
  width: number
  height: number
}

/** Draws a diagram; rejects with what Mermaid says when it cannot read it. */
export function drawDiagram(source: string, dark: boolean): Promise<Diagram> {
  const drawn = queue.then(() => draw(source, dark))
  queue = drawn.catch(() => undefined)
  return drawn
}

async function draw(source: string, dark: boolean): Promise<Diagram> {
  if (source.length > longestSource) throw new Error('too long')
  mermaid.initialize({
    startOnLoad: false,
    securityLevel: 'strict',
    suppressErrorRendering: true,
    theme: 'base',
    themeVariables: dark ? darkColours : lightColours,
    look: 'classic',
    fontFamily: 'system-ui, sans-serif',
    htmlLabels: false,
  })
  const { svg } = await mermaid.render(`diagram-${randomId()}`, withoutTags(source))
  const image = new DOMParser().parseFromString(svg, 'image/svg+xml').documentElement
  const [, , width = 0, height = 0] = (image.getAttribute('viewBox') ?? '').split(/[\s,]+/).map(Number)
  if (!(width > 0 && height > 0)) throw new Error('without a size')
  image.setAttribute('width', String(width))
  image.setAttribute('height', String(height))
  const text = new XMLSerializer().serializeToString(image)
  return { src: `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`, width: Math.ceil(width), height: Math.ceil(height) }
}

/**
 * Tags in labels become text. Mermaid cleans them, but parses them in the page's own document first, where an event handler is
 * tried, and only the policy is left to stop it. What its own notations write with `<` stays: `<br/>`, `<<interface>>`, `<--`.
 */
function withoutTags(source: string): string {
  return source.replace(/(?<!<)<(?!br\s*\/?>)(?=[a-z/!])/gi, '#lt;')
}
