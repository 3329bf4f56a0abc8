// Sets a remembered theme before the first paint; without one the system's preference holds.
try {
  const theme = JSON.parse(localStorage.getItem('parley.theme') ?? 'null')
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme
} catch {
  // Storage is off or holds something else: the system's preference holds.
}
