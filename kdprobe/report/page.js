"use strict";
/* The page without the example browser: the copy button. */
(function () {
  const button = document.getElementById("copy");
  const command = document.getElementById("command");
  const status = document.getElementById("copied");
  if (!button || !command) return;
  button.hidden = false;
  function select() {
    const range = document.createRange();
    range.selectNodeContents(command);
    const selection = window.getSelection();
    selection.removeAllRanges();
    selection.addRange(range);
    status.textContent = "selected; press Ctrl+C";
  }
  button.addEventListener("click", function () {
    if (!navigator.clipboard) {
      select();
      return;
    }
    navigator.clipboard.writeText(command.textContent).then(function () {
      status.textContent = "copied";
    }, select);
  });
})();
