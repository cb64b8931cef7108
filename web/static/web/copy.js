/** A button that copies what stands in a field: `data-copy` names the field, `data-done` is what it says afterwards. */

for (const button of document.querySelectorAll("button[data-copy]")) {
  if (!(button instanceof HTMLButtonElement)) continue;
  const field = document.getElementById(button.dataset.copy ?? "");
  if (!(field instanceof HTMLInputElement)) continue;
  button.hidden = false;
  button.addEventListener("click", async () => {
    field.select();
    // Only pages of https or of the machine itself may use the clipboard; elsewhere what is selected is copied the old way.
    if (navigator.clipboard) await navigator.clipboard.writeText(field.value);
    else document.execCommand("copy");
    button.textContent = button.dataset.done ?? "";
  });
}
