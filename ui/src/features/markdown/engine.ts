// What the Markdown view needs, as one lazily loaded piece.
export { cutBlocks, noBlocks, type Blocks } from './blocks'
export { hasMath, renderMarkdown } from './render'
