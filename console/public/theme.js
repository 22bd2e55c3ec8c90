// Runs before the first paint, from a file, because the page's CSP allows no inline script.
;(function () {
  var theme = 'system'
  try {
    theme = JSON.parse(localStorage.getItem('tenon.preferences') || '{}').theme || 'system'
  } catch {
    theme = 'system'
  }
  var dark = theme === 'dark' || (theme === 'system' && matchMedia('(prefers-color-scheme: dark)').matches)
  document.documentElement.classList.toggle('dark', dark)
})()
