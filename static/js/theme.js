// Before the first paint: the colours that this browser chose, if it chose any.
try {
  const chosen = localStorage.getItem("museo-theme");
  if (chosen) document.documentElement.dataset.theme = chosen;
} catch {
  // without storage the system's colours stay
}
