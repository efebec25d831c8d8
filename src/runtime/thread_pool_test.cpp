#include "runtime/thread_pool.h"

#include <gtest/gtest.h>

#include <numeric>
#include <vector>

namespace tempera::runtime {
namespace {

std::unique_ptr<ThreadPool> make_pool(int threads) {
  auto pool = ThreadPool::create(threads);
  EXPECT_TRUE(pool.ok());
  return std::move(pool).value();
}

TEST(ThreadPool, RunsEveryIterationOnce) {
  for (const int threads : {1, 2, 3, 7}) {
    const auto pool = make_pool(threads);
    for (const int64_t count : {0, 1, 2, 3, 6, 7, 8, 100, 1001}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(count));
      pool->parallel_for(count, [&](int64_t begin, int64_t end, int) {
        for (int64_t i = begin; i < end; ++i) ++runs[static_cast<size_t>(i)];
      });
      for (const auto& n : runs) ASSERT_EQ(n, 1) << threads << " threads, " << count;
    }
  }
}

TEST(ThreadPool, GivesRangesThatAreNotEmptyAndWorkersThatExist) {
  const auto pool = make_pool(3);
  std::atomic<bool> good = true;
  pool->parallel_for(100, [&](int64_t begin, int64_t end, int worker) {
    if (begin >= end || begin < 0 || end > 100 || worker < 0 || worker >= 3) good = false;
  });
  EXPECT_TRUE(good);
}

TEST(ThreadPool, CallsAWorkerOnceAtATime) {
  const auto pool = make_pool(4);
  std::vector<std::atomic<int>> inside(4);
  std::atomic<bool> good = true;
  for (int round = 0; round < 200; ++round)
    pool->parallel_for(64, [&](int64_t, int64_t, int worker) {
      if (++inside[static_cast<size_t>(worker)] != 1) good = false;
      --inside[static_cast<size_t>(worker)];
    });
  EXPECT_TRUE(good);
}

// Each loop reads what other workers wrote in the one before.
TEST(ThreadPool, LoopsSeeWhatEarlierLoopsWrote) {
  const auto pool = make_pool(4);
  constexpr int64_t kCount = 257;
  std::vector<int64_t> from(kCount), to(kCount);
  std::iota(from.begin(), from.end(), 0);
  for (int round = 0; round < 3000; ++round) {
    pool->parallel_for(kCount, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) to[i] = from[(i + 100) % kCount];
    });
    std::swap(from, to);
  }
  for (int64_t i = 0; i < kCount; ++i) ASSERT_EQ(from[i], (i + 100 * 3000) % kCount);
}

TEST(ThreadPool, WakesThreadsThatFellAsleep) {
  const auto pool = make_pool(2);
  for (int round = 0; round < 20; ++round) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    std::atomic<int64_t> sum = 0;
    pool->parallel_for(10, [&](int64_t begin, int64_t end, int) { sum += end - begin; });
    ASSERT_EQ(sum, 10);
  }
}

// A worker that is held up leaves most of its share to the others.
TEST(ThreadPool, OtherWorkersTakeOverASlowOnesShare) {
  const auto pool = make_pool(2);
  std::atomic<int64_t> by_first = 0;
  pool->parallel_for(1000, [&](int64_t begin, int64_t end, int worker) {
    if (worker == 0)
      by_first += end - begin;
    else
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
  });
  EXPECT_GT(by_first, 700);
}

}  // namespace
}  // namespace tempera::runtime
