// A page that is open keeps asking for figures. When the login has ended, go to the login page; while the dashboard
// itself does not answer, or answers with an error, say so.
(function () {
  const ask = window.fetch;

  // Dash drops the answer to a question that was asked again meanwhile: where answers take longer than a tick, none
  // would ever be shown. So who asks the same again gets the answer that is on its way.
  const underWay = new Map();
  const question = function (url, options) {
    if (!String(url).includes("/_dash-update-component")) return null;
    const { output, state } = JSON.parse(options.body);
    return output.includes("-shown.data") ? output + JSON.stringify(state) : null;
  };
  const answerTo = async function (request) {
    const key = question(...request);
    if (key === null) return ask(...request);
    if (!underWay.has(key)) underWay.set(key, ask(...request).finally(() => underWay.delete(key)));
    return (await underWay.get(key)).clone();
  };

  window.fetch = async function (...request) {
    try {
      const answer = await answerTo(request);
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
