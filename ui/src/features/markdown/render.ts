// Markdown as DOM nodes that are safe to show: sanitised, links made harmless, images as links, formulas set.
import DOMPurify from 'dompurify'
import { t } from '@/i18n'
import { parser } from './parser'

/** Sets one formula into the element. */
export type MathSetter = (tex: string, element: HTMLElement, display: boolean) => void

const allowedSchemes = /^(?:https?|mailto):/i

const sanitizing = {
  RETURN_DOM_FRAGMENT: true,
  ALLOWED_TAGS: [
    'p', 'br', 'hr', 'h1', 'h2', 'h3', 'h4', 'h5', 'h6', 'strong', 'em', 's', 'code', 'pre', 'blockquote', 'ul', 'ol',
    'li', 'a', 'img', 'table', 'thead', 'tbody', 'tr', 'th', 'td', 'span', 'div',
  ],
  ALLOWED_ATTR: ['href', 'src', 'alt', 'title', 'start', 'class', 'data-math', 'style'],
  ALLOWED_URI_REGEXP: allowedSchemes,
  ALLOW_DATA_ATTR: false,
  // Their values are no addresses, so the rule for addresses must not judge them.
  ADD_URI_SAFE_ATTR: ['data-math', 'start'],
} as const

/** The nodes of a block of Markdown. Without a math setter, formulas show as their TeX. */
export function renderMarkdown(text: string, setMath?: MathSetter): DocumentFragment {
  const fragment = DOMPurify.sanitize(parser.render(text), {
    ...sanitizing,
    ALLOWED_TAGS: [...sanitizing.ALLOWED_TAGS],
    ALLOWED_ATTR: [...sanitizing.ALLOWED_ATTR],
    ADD_URI_SAFE_ATTR: [...sanitizing.ADD_URI_SAFE_ATTR],
  })
  fragment.querySelectorAll('img').forEach(imageAsLink)
  fragment.querySelectorAll('a').forEach(harmless)
  fragment.querySelectorAll('pre').forEach(codeBlock)
  fragment.querySelectorAll('table').forEach(scrollBox)
  fragment.querySelectorAll<HTMLElement>('[style]').forEach(alignOnly)
  if (setMath) {
    fragment.querySelectorAll<HTMLElement>('[data-math]').forEach((element) => {
      setMath(element.textContent, element, element.dataset.math === 'display')
    })
  }
  return fragment
}

/** Whether the text holds a formula, so that what sets formulas is loaded only for those who need it. */
export function hasMath(text: string): boolean {
  return /\$\$|\\\(|\\\[/.test(text)
}

/** An image from elsewhere would tell its host who reads what, and when: the reader decides. */
function imageAsLink(image: HTMLImageElement): void {
  const href = image.getAttribute('src') ?? ''
  const words = (image.getAttribute('alt') ?? '') || 'Image'
  if (image.closest('a') || !/^https?:/i.test(href)) {
    image.replaceWith(words)
    return
  }
  const link = document.createElement('a')
  link.href = href
  link.textContent = `${words} (image)`
  image.replaceWith(link)
}

function harmless(link: HTMLAnchorElement): void {
  if (!allowedSchemes.test(link.getAttribute('href') ?? '')) {
    link.replaceWith(...link.childNodes)
    return
  }
  link.target = '_blank'
  link.rel = 'noopener noreferrer nofollow'
}

/** Frames a code block with its language and a copy button; the button's clicks are handled by who shows it. */
function codeBlock(pre: HTMLPreElement): void {
  const language = /language-([\w+#.-]+)/.exec(pre.querySelector('code')?.className ?? '')?.[1]
  const box = document.createElement('div')
  box.className = 'code-block'
  const bar = document.createElement('div')
  bar.className = 'code-bar'
  const label = document.createElement('span')
  label.textContent = language ?? t('markdown.text')
  const copy = document.createElement('button')
  copy.type = 'button'
  copy.dataset.copyCode = ''
  copy.textContent = t('common.copy')
  copy.setAttribute('aria-label', t('markdown.copyCode'))
  bar.append(label, copy)
  pre.replaceWith(box)
  pre.tabIndex = 0
  box.append(bar, pre)
}

function scrollBox(table: HTMLTableElement): void {
  const box = document.createElement('div')
  box.className = 'table-box'
  box.tabIndex = 0
  box.setAttribute('role', 'region')
  box.setAttribute('aria-label', t('markdown.table'))
  table.replaceWith(box)
  box.append(table)
}

/** Of styles only a table cell's alignment is Markdown's own; it becomes a class. */
function alignOnly(element: HTMLElement): void {
  const align = element.style.textAlign
  element.removeAttribute('style')
  if (align === 'right' || align === 'center') element.classList.add(`align-${align}`)
}
