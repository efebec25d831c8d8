#include "runtime/thread_pool.h"

#include <algorithm>
#include <chrono>
#include <system_error>

namespace tempera::runtime {
namespace {

// Longer than the pause between two kernels, shorter than anybody would notice on a core that
// others want.
constexpr int kSpinMicroseconds = 50;
// Chunks of each worker's share: few enough to cost nothing, enough that a core slowed down by
// others can be helped out.
constexpr int64_t kChunksPerWorker = 8;

void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits until `done(value)`: first awake, then asleep in the kernel.
template <typename Done>
void wait_until(const std::atomic<uint32_t>& value, int spin_microseconds, const Done& done) {
  const auto limit =
      std::chrono::steady_clock::now() + std::chrono::microseconds(spin_microseconds);
  while (std::chrono::steady_clock::now() < limit) {
    for (int i = 0; i < 32; ++i) {
      if (done(value.load(std::memory_order_acquire))) return;
      pause();
    }
  }
  for (uint32_t seen = value.load(std::memory_order_acquire); !done(seen);
       seen = value.load(std::memory_order_acquire))
    value.wait(seen, std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads) : parts_(static_cast<size_t>(threads)) {
  const bool has_own_core = threads <= static_cast<int>(std::thread::hardware_concurrency());
  spin_microseconds_ = has_own_core ? kSpinMicroseconds : 0;
}

Result<std::unique_ptr<ThreadPool>> ThreadPool::create(int threads) {
  CHECK(threads >= 1, "a pool of {} threads", threads);
  std::unique_ptr<ThreadPool> pool(new ThreadPool(threads));
  pool->threads_.reserve(static_cast<size_t>(threads - 1));
  try {
    for (int worker = 1; worker < threads; ++worker)
      pool->threads_.emplace_back([p = pool.get(), worker] { p->thread_main(worker); });
  } catch (const std::system_error& failure) {
    return error(ErrorCode::unavailable,
                 "the system gives {} threads, not {}; pass a smaller number of threads",
                 pool->threads_.size() + 1, threads);
  }
  return pool;
}

ThreadPool::~ThreadPool() {
  stopping_ = true;
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  for (std::thread& thread : threads_) thread.join();
}

void ThreadPool::share(int64_t count) {
  const auto workers = static_cast<int64_t>(parts_.size());
  chunk_ = std::max<int64_t>(1, count / (workers * kChunksPerWorker));
  for (int64_t i = 0; i < workers; ++i) {
    parts_[i].next.store(count * i / workers, std::memory_order_relaxed);
    parts_[i].end = count * (i + 1) / workers;
  }
}

void ThreadPool::work(int worker) {
  for (size_t k = 0; k < parts_.size(); ++k) {
    Part& part = parts_[(static_cast<size_t>(worker) + k) % parts_.size()];
    for (;;) {
      const int64_t begin = part.next.fetch_add(chunk_, std::memory_order_relaxed);
      if (begin >= part.end) break;
      loop_.call(loop_.context, begin, std::min(begin + chunk_, part.end), worker);
    }
  }
}

void ThreadPool::run(int64_t count, Loop loop) {
  if (count <= 0) return;
  if (count == 1 || threads_.empty()) return loop.call(loop.context, 0, count, 0);
  share(count);
  loop_ = loop;
  working_.store(static_cast<uint32_t>(threads_.size()), std::memory_order_relaxed);
  epoch_.fetch_add(1, std::memory_order_release);
  epoch_.notify_all();
  work(0);
  wait_until(working_, spin_microseconds_, [](uint32_t working) { return working == 0; });
}

void ThreadPool::thread_main(int worker) {
  for (uint32_t seen = 0;; ++seen) {
    wait_until(epoch_, spin_microseconds_, [seen](uint32_t epoch) { return epoch != seen; });
    if (stopping_) return;
    work(worker);
    if (working_.fetch_sub(1, std::memory_order_acq_rel) == 1) working_.notify_one();
  }
}

}  // namespace tempera::runtime
