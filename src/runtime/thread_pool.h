#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/status.h"

namespace tempera::runtime {

// Threads that wait for loops to share. The thread that calls parallel_for is worker 0.
class ThreadPool {
 public:
  // At least one thread, the caller's. unavailable: the system gives no more threads.
  static Result<std::unique_ptr<ThreadPool>> create(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int thread_count() const { return static_cast<int>(parts_.size()); }

  // Calls body(begin, end, worker) for ranges that cover 0..count once, in any order, and returns
  // when all are done; at most one call a worker at a time. Iterations must be independent: which
  // worker runs which is left to chance. `body` must not throw, nor call parallel_for. Allocates
  // nothing.
  template <typename Body>
  void parallel_for(int64_t count, const Body& body) {
    run(count, {&body, [](const void* context, int64_t begin, int64_t end, int worker) {
                  (*static_cast<const Body*>(context))(begin, end, worker);
                }});
  }

 private:
  struct Loop {
    const void* context;
    void (*call)(const void* context, int64_t begin, int64_t end, int worker);
  };
  // A worker's share of the loop: contiguous, so that a worker finds what it wrote in the loop
  // before in its own cache. Taken in chunks, by its owner first, and by workers that have finished
  // their own.
  struct alignas(64) Part {
    std::atomic<int64_t> next = 0;
    int64_t end = 0;
  };

  explicit ThreadPool(int threads);
  void run(int64_t count, Loop loop);
  void share(int64_t count);
  void work(int worker);
  void thread_main(int worker);

  std::vector<Part> parts_;
  Loop loop_{};
  int64_t chunk_ = 1;
  int spin_microseconds_;
  bool stopping_ = false;
  alignas(64) std::atomic<uint32_t> epoch_ = 0;  // counts loops; threads wait for it to change
  alignas(64) std::atomic<uint32_t> working_ =
      0;  // threads that have not finished the current loop
  std::vector<std::thread> threads_;
};

}  // namespace tempera::runtime
