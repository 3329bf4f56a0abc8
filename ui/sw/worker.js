// The service worker: keeps the page's shell, so that it opens without a network. The build fills in the two constants
// (sw/plugin.ts). It never touches the API: what was said is the server's to tell, and what waits to be sent is the page's.
const version = 'VERSION'
const shell = ['SHELL']
const cacheName = `parley-${version}`
const mostEntries = 300
const patienceMillis = 4000

self.addEventListener('install', (event) => {
  event.waitUntil(caches.open(cacheName).then((cache) => cache.addAll(shell)))
})

// Without skipWaiting: an open page keeps the files it was built with until its last tab is closed.
self.addEventListener('activate', (event) => {
  event.waitUntil(
    caches
      .keys()
      .then((names) => Promise.all(names.filter((name) => name.startsWith('parley-') && name !== cacheName).map((name) => caches.delete(name))))
      .then(() => self.clients.claim()),
  )
})

self.addEventListener('fetch', (event) => {
  const { request } = event
  const url = new URL(request.url)
  if (request.method !== 'GET' || url.origin !== self.location.origin || url.pathname.startsWith('/api/')) return
  if (request.mode === 'navigate') event.respondWith(page(request))
  else if (url.pathname.startsWith('/assets/')) event.respondWith(asset(request))
  else if (shell.includes(url.pathname)) event.respondWith(fetch(request).catch(() => kept(url.pathname)))
})

/** The page as the server has it now, or as it was kept when the server does not answer in time. */
async function page(request) {
  try {
    const response = await fetch(request, { signal: AbortSignal.timeout(patienceMillis) })
    if (response.status < 500) return response
  } catch {
    // Offline, or too slow.
  }
  return kept('/index.html')
}

/** A file whose name changes with its content: once here, never asked for again. */
async function asset(request) {
  const cache = await caches.open(cacheName)
  const known = await cache.match(request)
  if (known) return known
  const response = await fetch(request)
  if (response.ok && (await cache.keys()).length < mostEntries) await cache.put(request, response.clone())
  return response
}

async function kept(path) {
  return (await caches.match(path)) ?? Response.error()
}
