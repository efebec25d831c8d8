#include "lower/plan_memory.h"

#include <gtest/gtest.h>

#include <random>

namespace tempera::lower {
namespace {

void expect_disjoint(const std::vector<Lifetime>& lifetimes, const MemoryPlan& plan) {
  for (size_t a = 0; a < lifetimes.size(); ++a) {
    EXPECT_GE(plan.offsets[a], 0);
    EXPECT_LE(plan.offsets[a] + lifetimes[a].bytes, plan.bytes);
    for (size_t b = 0; b < a; ++b) {
      if (lifetimes[a].first > lifetimes[b].last || lifetimes[b].first > lifetimes[a].last)
        continue;
      EXPECT_TRUE(plan.offsets[a] + lifetimes[a].bytes <= plan.offsets[b] ||
                  plan.offsets[b] + lifetimes[b].bytes <= plan.offsets[a])
          << a << " and " << b << " live at once and overlap";
    }
  }
}

TEST(PlanMemory, ReusesTheMemoryOfDeadBuffers) {
  const std::vector<Lifetime> chain = {{100, 0, 1}, {100, 1, 2}, {100, 2, 3}, {100, 3, 4}};
  const MemoryPlan plan = plan_memory(chain, 64);
  expect_disjoint(chain, plan);
  EXPECT_EQ(plan.bytes, 256);
  EXPECT_EQ(plan.live_bytes, 256);
}

TEST(PlanMemory, AlignsEveryOffset) {
  const std::vector<Lifetime> lifetimes = {{1, 0, 3}, {65, 0, 3}, {3, 1, 2}};
  for (const int64_t offset : plan_memory(lifetimes, 64).offsets) EXPECT_EQ(offset % 64, 0);
}

TEST(PlanMemory, NeverOverlapsLiveBuffersOfRandomPlans) {
  std::mt19937 random(1);
  for (int round = 0; round < 50; ++round) {
    std::vector<Lifetime> lifetimes;
    for (int i = 0; i < 60; ++i) {
      const auto first = static_cast<int32_t>(random() % 40);
      lifetimes.push_back({static_cast<int64_t>(random() % 5000), first,
                           first + static_cast<int32_t>(random() % 6)});
    }
    const MemoryPlan plan = plan_memory(lifetimes, 64);
    expect_disjoint(lifetimes, plan);
    EXPECT_GE(plan.bytes, plan.live_bytes);
    EXPECT_LE(static_cast<double>(plan.bytes), 1.25 * static_cast<double>(plan.live_bytes));
  }
}

// Sizes that the greedy orders leave a gap in: the buffer of 3 must cover the place of the one that
// comes after it.
TEST(PlanMemory, SearchesWhereGreedyOrdersLeaveGaps) {
  const std::vector<Lifetime> lifetimes = {
      {128, 0, 60},  {256, 5, 50},  {256, 10, 40}, {256, 14, 17}, {768, 15, 16},
      {256, 16, 17}, {256, 17, 23}, {256, 18, 19}, {256, 19, 20}, {1024, 21, 22}};
  const MemoryPlan plan = plan_memory(lifetimes, 64);
  EXPECT_EQ(plan.bytes, plan.live_bytes);
}

}  // namespace
}  // namespace tempera::lower
