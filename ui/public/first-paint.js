// Sets what the user has chosen before the first paint; what is not chosen is the system's. See features/settings.
try {
  const chosen = JSON.parse(localStorage.getItem('parley.settings') ?? '{}')
  const data = document.documentElement.dataset
  if (chosen.theme === 'light' || chosen.theme === 'dark') data.theme = chosen.theme
  if (chosen.density === 'compact') data.density = chosen.density
  if (['small', 'large', 'huge'].includes(chosen.textSize)) data.text = chosen.textSize
} catch {
  // Storage is off or holds something else: the system's preference holds.
}
