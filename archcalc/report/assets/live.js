// Wait until the file is another than the one that this page is of, and load it again.
(async () => {
  const pause = () => new Promise((done) => setTimeout(done, 1000));
  for (;;) {
    try {
      const answer = await fetch(`changed?since=${VERSION}`, { cache: "no-store" });
      if (!answer.ok) throw new Error(answer.statusText);
      document.body.classList.remove("gone");
      if ((await answer.json()) !== VERSION) return location.reload();
    } catch {
      document.body.classList.add("gone");
      await pause();
    }
  }
})();
