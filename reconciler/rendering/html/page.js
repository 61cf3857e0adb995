
"use strict";
(() => {
  const root = document.documentElement;
  const fail = (what) => { root.dataset.error = String(what).slice(0, 300); };
  addEventListener("error", (event) => fail(event.message));
  document.addEventListener("securitypolicyviolation", (event) => fail("policy: " + event.violatedDirective));
  const all = (selector, inside = document) => [...inside.querySelectorAll(selector)];
  const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
  root.classList.add("scripted");

  // copying: the clipboard where a page may use it, else the words are selected
  for (const button of all("[data-copy]")) {
    button.addEventListener("click", async () => {
      const words = button.previousElementSibling;
      try {
        await navigator.clipboard.writeText(words.textContent);
        button.textContent = "Copied";
      } catch {
        getSelection().selectAllChildren(words);
        button.textContent = "Selected";
      }
      setTimeout(() => { button.textContent = "Copy"; }, 1600);
    });
  }

  // every part of a page that has several is filtered and drawn by itself
  const clear = new Map();
  const enliven = (part) => {
    const one = (selector) => part.querySelector(selector);

    // filtering: every word must occur in the card's heading; a pressed count keeps its action only
    const find = one('input[type="search"]');
    const found = one("output");
    const chips = all(".chip", part);
    const cards = all(".card[data-action], .still li, .pair, .list tbody tr", part).map((card) => ({
      card,
      action: card.dataset.action,
      text: (card.querySelector("summary") && !card.matches(".pair") ? card.querySelector("summary") : card)
        .textContent.toLowerCase() + " " + (card.dataset.action || "").replace("no_op", "unchanged"),
    }));
    const boxes = all(".box", part);
    const still = one(".still");
    const groups = all(".group", part).map((group) => ({ group, wasOpen: group.open }));
    const filter = () => {
      const words = (find ? find.value : "").toLowerCase().split(/\s+/).filter(Boolean);
      const pressed = chips.filter((chip) => chip.getAttribute("aria-pressed") === "true").map((chip) => chip.dataset.only);
      const isFiltered = words.length > 0 || pressed.length > 0;
      const shown = new Set();
      for (const { card, action, text } of cards) {
        const fits = (!pressed.length || pressed.includes(action)) && words.every((word) => text.includes(word));
        card.classList.toggle("gone", !fits);
        if (fits) shown.add(card.id ? "#" + card.id : card);
      }
      if (still) {
        const some = still.querySelector("li:not(.gone)");
        still.classList.toggle("gone", !some);
        if (isFiltered) still.open = Boolean(some);
      }
      // a group with nothing to show goes, one with something opens; afterwards each is as it was
      for (const { group, wasOpen } of groups) {
        const some = group.querySelector(".pair:not(.gone), .card:not(.gone)");
        group.classList.toggle("gone", !some);
        group.open = isFiltered ? Boolean(some) : wasOpen;
      }
      for (const box of boxes) box.classList.toggle("dim", isFiltered && !shown.has(box.getAttribute("href")));
      if (found) found.textContent = isFiltered ? `${shown.size} of ${cards.length}` : "";
    };
    if (find) find.addEventListener("input", filter);
    for (const chip of chips) {
      chip.addEventListener("click", () => {
        chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") !== "true"));
        filter();
      });
    }
    for (const button of all("[data-fold]", part)) {
      button.addEventListener("click", () => {
        for (const card of all(".card:not(.gone)", part)) card.open = button.dataset.fold === "open";
      });
    }

    // the picture: its window onto the drawing is the viewBox
    const picture = one(".picture");
    // one drawing for broad pages and one for narrow ones; of the other nothing is to be seen
    for (const svg of picture ? all("svg", picture) : []) {
      const whole = svg.getAttribute("viewBox").split(" ").map(Number);
      const lines = all(".lines path", svg);
      let view = [...whole];
      const show = () => svg.setAttribute("viewBox", view.map((number) => number.toFixed(2)).join(" "));
      const scale = () => Math.max(view[2] / svg.clientWidth, view[3] / svg.clientHeight) || 1;
      const zoom = (factor, x = view[0] + view[2] / 2, y = view[1] + view[3] / 2) => {
        const next = scale() * factor;
        const most = Math.max(whole[2] / svg.clientWidth, whole[3] / svg.clientHeight, 1) * 1.5;
        const by = Math.min(Math.max(next, 0.2), most) / scale();
        view = [x - (x - view[0]) * by, y - (y - view[1]) * by, view[2] * by, view[3] * by];
        show();
      };
      const move = (x, y) => { view[0] += x * scale(); view[1] += y * scale(); show(); };
      // the window gets the shape of the element, so that what is near its edges counts as seen
      const shaped = (box) => {
        const unit = Math.max(box[2] / svg.clientWidth, box[3] / svg.clientHeight) || 1;
        const [w, h] = [svg.clientWidth * unit, svg.clientHeight * unit];
        return [box[0] + (box[2] - w) / 2, box[1] + (box[3] - h) / 2, w, h];
      };
      const fit = () => { view = shaped(whole); show(); };
      // at first small pictures stand at their own size, large ones whole, and huge ones at their beginning
      const begin = () => {
        if (!svg.clientWidth) return;
        const natural = svg.clientWidth * whole[3] / whole[2];
        const height = Math.max(natural, Math.min(whole[3], 300), innerHeight * 0.35);
        const most = svg.classList.contains("narrow") ? natural : innerHeight * 0.75;
        svg.style.height = Math.min(height, most, Math.max(whole[3], 200)) + "px";
        fit();
        if (scale() < 1) zoom(1 / scale());
        if (scale() > 2.6) view = [whole[0], whole[1], svg.clientWidth * 1.25, svg.clientHeight * 1.25];
        show();
      };
      const point = (event) => {
        const spot = svg.getScreenCTM().inverse();
        return new DOMPoint(event.clientX, event.clientY).matrixTransform(spot);
      };
      const seen = (act) => () => { if (svg.clientWidth) act(); };
      const commands = { in: seen(() => zoom(0.8)), out: seen(() => zoom(1.25)), fit: seen(fit) };
      for (const button of all("[data-zoom]")) button.addEventListener("click", commands[button.dataset.zoom]);
      const keys = {
        "+": commands.in, "=": commands.in, "-": commands.out, "_": commands.out, "0": commands.fit,
        ArrowLeft: seen(() => move(-60, 0)), ArrowRight: seen(() => move(60, 0)),
        ArrowUp: seen(() => move(0, -60)), ArrowDown: seen(() => move(0, 60)),
      };
      picture.addEventListener("keydown", (event) => {
        if (event.ctrlKey || event.metaKey || event.altKey || !keys[event.key]) return;
        event.preventDefault();
        keys[event.key]();
      });
      svg.addEventListener("wheel", (event) => {
        if (!event.ctrlKey && !picture.contains(document.activeElement)) return;
        event.preventDefault();
        const spot = point(event);
        zoom(Math.exp(Math.max(-80, Math.min(80, event.deltaY)) / 300), spot.x, spot.y);
      }, { passive: false });
      let from = null;
      let hasMoved = false;
      svg.addEventListener("pointerdown", (event) => {
        if (event.button || event.pointerType === "touch") return;
        from = [event.clientX, event.clientY];
        hasMoved = false;
        if (!event.target.closest(".box")) picture.focus({ preventScroll: true });
      });
      addEventListener("pointermove", (event) => {
        if (!from) return;
        const [x, y] = [from[0] - event.clientX, from[1] - event.clientY];
        if (!hasMoved && Math.hypot(x, y) < 4) return;
        hasMoved = true;
        picture.classList.add("dragging");
        move(x, y);
        from = [event.clientX, event.clientY];
      });
      addEventListener("pointerup", () => { from = null; picture.classList.remove("dragging"); });
      svg.addEventListener("dragstart", (event) => event.preventDefault());
      svg.addEventListener("click", (event) => {
        if (hasMoved) { event.preventDefault(); event.stopPropagation(); }
      }, true);

      // a box's own lines and neighbours stand out while it is looked at
      const nodes = new Map(all("[data-n]", svg).map((node) => [node.dataset.n, node]));
      const near = (box) => {
        for (const marked of all(".near", svg)) marked.classList.remove("near");
        if (!box) return;
        const number = box.parentNode.dataset.n;
        for (const line of lines) {
          const ends = line.dataset.e.split(" ");
          if (!ends.includes(number)) continue;
          line.classList.add("near");
          for (const end of ends) nodes.get(end).classList.add("near");
        }
      };
      svg.addEventListener("pointerover", (event) => near(event.target.closest(".box")));
      svg.addEventListener("pointerleave", () => near(null));
      svg.addEventListener("focusin", (event) => {
        const box = event.target.closest(".box");
        near(box);
        if (!box || !box.matches(":focus-visible")) return;
        const [inner, outer] = [box.getBoundingClientRect(), svg.getBoundingClientRect()];
        if (inner.width < 90) zoom(inner.width / 160);
        const at = box.getBoundingClientRect();
        if (at.left < outer.left || at.right > outer.right || at.top < outer.top || at.bottom > outer.bottom) {
          move(at.left + at.width / 2 - outer.left - outer.width / 2, at.top + at.height / 2 - outer.top - outer.height / 2);
        }
      });
      svg.addEventListener("focusout", () => near(null));
      let isPrinting = false;
      addEventListener("resize", () => { if (!isPrinting) begin(); });
      addEventListener("load", begin);
      addEventListener("beforeprint", () => { isPrinting = true; svg.setAttribute("viewBox", whole.join(" ")); });
      addEventListener("afterprint", () => { isPrinting = false; show(); });
      begin();
    }

    clear.set(part, () => {
      if (find) find.value = "";
      for (const chip of chips) chip.setAttribute("aria-pressed", "false");
      filter();
    });
    if (find) find.addEventListener("keydown", (event) => {
      if (event.key === "Escape") { find.value = ""; filter(); }
    });
  };
  const parts = all("article.part");
  for (const part of parts.length ? parts : [document.body]) enliven(part);

  document.addEventListener("keydown", (event) => {
    const find = document.querySelector('input[type="search"]');
    if (find && event.key === "/" && !event.target.matches("input")) { event.preventDefault(); find.focus(); }
  });

  // jumping: whatever an address in the page leads to is shown, unfolded and focused
  const visit = (hash) => {
    const target = /^#(s\d+-)?c\d+$/.test(hash) && document.getElementById(hash.slice(1));
    if (!target) return false;
    if (target.closest(".gone") || target.classList.contains("gone")) {
      clear.get(target.closest("article.part") || document.body)();
    }
    for (let around = target; around; around = around.parentElement) {
      if (around.tagName === "DETAILS") around.open = true;
    }
    for (const met of all(".met")) met.classList.remove("met");
    target.classList.add("met");
    (target.querySelector("summary") || target).focus({ preventScroll: true });
    target.scrollIntoView({ block: "center", behavior: calm ? "auto" : "smooth" });
    return true;
  };
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && !event.ctrlKey && !event.metaKey && visit(link.getAttribute("href"))) {
      event.preventDefault();
      history.replaceState(null, "", link.getAttribute("href"));
    }
  });
  addEventListener("hashchange", () => visit(location.hash));

  // on paper nothing is folded
  let folded = [];
  addEventListener("beforeprint", () => {
    folded = all("details:not([open])");
    for (const each of folded) each.open = true;
  });
  addEventListener("afterprint", () => { for (const each of folded) each.open = false; });

  visit(location.hash);
  root.dataset.ready = "true";
})();
