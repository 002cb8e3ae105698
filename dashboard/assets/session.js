// A page that is open keeps asking for figures. When the login has ended, go to the login page; while the dashboard
// itself does not answer, or answers with an error, say so.
(function () {
  const ask = window.fetch;
  window.fetch = async function (...request) {
    try {
      const answer = await ask.apply(this, request);
      if (answer.status >= 500) document.documentElement.dataset.lost = "yes";
      else delete document.documentElement.dataset.lost;
      if (answer.status === 401) {
        window.location.assign("/login?next=" + encodeURIComponent(window.location.pathname));
      }
      return answer;
    } catch (error) {
      document.documentElement.dataset.lost = "yes";
      throw error;
    }
  };
  // Mark the way to the page that is open, and name the page after it.
  const mark = function () {
    for (const way of document.querySelectorAll("header nav a")) {
      const here = way.getAttribute("href") === window.location.pathname;
      if (here) way.setAttribute("aria-current", "page");
      else way.removeAttribute("aria-current");
      const title = way.textContent + " · Lethe";
      if (here && document.title !== title) document.title = title;
    }
  };
  new MutationObserver(mark).observe(document.documentElement, { childList: true, subtree: true });
})();
