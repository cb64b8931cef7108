/** A file may be dropped on the form; otherwise it is an ordinary form. */

const drop = document.getElementById("drop");
const file = document.getElementById("file");
const name = document.getElementById("drop-name");

const shown = () => {
  if (file.files[0]) name.textContent = file.files[0].name;
};

for (const kind of ["dragenter", "dragover"]) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) drop.addEventListener(kind, () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  if (event.dataTransfer.files.length === 0) return;
  file.files = event.dataTransfer.files;
  shown();
});
file.addEventListener("change", shown);
