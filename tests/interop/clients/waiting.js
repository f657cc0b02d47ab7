// What arrives, for whoever asks: take() gives the next item, now or later; after fail(error), once all are taken, it
// throws.
class Waiting {
  #items = [];
  #takers = [];
  #error;

  put(item) {
    const taker = this.#takers.shift();
    if (taker) taker.resolve(item);
    else this.#items.push(item);
  }

  fail(error) {
    this.#error = error;
    for (const taker of this.#takers.splice(0)) taker.reject(error);
  }

  take() {
    if (this.#items.length > 0) return Promise.resolve(this.#items.shift());
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => this.#takers.push({ resolve, reject }));
  }
}

if (typeof module === "object") module.exports = { Waiting };
