// Puts what comes on top of the list. The parts are made by the server, every value escaped.
const told = document.currentScript.dataset;
const list = document.getElementById("tap");
const standing = document.getElementById("standing");
const kept = 200;
const stream = new EventSource(told.stream);
stream.onopen = () => { standing.textContent = told.live; };
stream.onerror = () => { standing.textContent = told.lost; };
stream.onmessage = (event) => {
  list.insertAdjacentHTML("afterbegin", event.data);
  while (list.children.length > kept) list.lastElementChild.remove();
};
