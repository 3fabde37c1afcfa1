// Runs before anything is drawn, so that a page in the chosen colours does not begin in the others.
{
  const chosen = localStorage.getItem("tally.theme");
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
