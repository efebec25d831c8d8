#include "lower/plan_memory.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"

namespace tempera::lower {
namespace {

int64_t round_up(int64_t bytes, int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

bool overlap(const Lifetime& a, const Lifetime& b) {
  return a.first <= b.last && b.first <= a.last;
}

int64_t largest_live_sum(std::span<const Lifetime> lifetimes, int64_t alignment) {
  int32_t end = 0;
  for (const Lifetime& l : lifetimes) end = std::max(end, l.last + 1);
  std::vector<int64_t> change(end + 1, 0);
  for (const Lifetime& l : lifetimes) {
    change[l.first] += round_up(l.bytes, alignment);
    change[l.last + 1] -= round_up(l.bytes, alignment);
  }
  int64_t live = 0;
  int64_t most = 0;
  for (const int64_t c : change) most = std::max(most, live += c);
  return most;
}

// Places buffers in the given order, each into the smallest gap that fits between those already
// placed that it meets.
MemoryPlan place(std::span<const Lifetime> lifetimes, const std::vector<size_t>& order,
                 int64_t alignment) {
  MemoryPlan plan{.offsets = std::vector<int64_t>(lifetimes.size(), -1)};
  std::vector<size_t> placed;  // by offset
  for (const size_t id : order) {
    const Lifetime& lifetime = lifetimes[id];
    const int64_t bytes = round_up(lifetime.bytes, alignment);
    int64_t gap_begin = 0;
    int64_t best = -1;
    int64_t best_gap = 0;
    for (const size_t other : placed) {
      if (!overlap(lifetime, lifetimes[other])) continue;
      const int64_t gap = plan.offsets[other] - gap_begin;
      if (gap >= bytes && (best < 0 || gap < best_gap)) {
        best = gap_begin;
        best_gap = gap;
      }
      gap_begin =
          std::max(gap_begin, plan.offsets[other] + round_up(lifetimes[other].bytes, alignment));
    }
    plan.offsets[id] = best >= 0 ? best : gap_begin;
    plan.bytes = std::max(plan.bytes, plan.offsets[id] + bytes);
    const auto at = std::upper_bound(placed.begin(), placed.end(), id, [&](size_t a, size_t b) {
      return plan.offsets[a] < plan.offsets[b];
    });
    placed.insert(at, id);
  }
  return plan;
}

}  // namespace

MemoryPlan plan_memory(std::span<const Lifetime> lifetimes, int64_t alignment) {
  for (const Lifetime& l : lifetimes)
    CHECK(l.first <= l.last && l.bytes >= 0, "a lifetime from {} to {}", l.first, l.last);
  std::vector<size_t> ids(lifetimes.size());
  std::iota(ids.begin(), ids.end(), size_t{0});
  const auto length = [&](size_t id) {
    return static_cast<int64_t>(lifetimes[id].last - lifetimes[id].first + 1);
  };
  const auto size = [&](size_t id) { return lifetimes[id].bytes; };

  MemoryPlan best;
  const auto consider = [&](auto less) {
    std::vector<size_t> order = ids;
    std::stable_sort(order.begin(), order.end(), less);
    MemoryPlan plan = place(lifetimes, order, alignment);
    if (best.offsets.empty() || plan.bytes < best.bytes) best = std::move(plan);
  };
  consider([&](size_t a, size_t b) { return size(a) > size(b); });
  consider([&](size_t a, size_t b) { return size(a) * length(a) > size(b) * length(b); });
  consider([&](size_t a, size_t b) { return length(a) > length(b); });
  consider([&](size_t a, size_t b) { return lifetimes[a].first < lifetimes[b].first; });
  consider([&](size_t a, size_t b) { return lifetimes[a].last > lifetimes[b].last; });
  best.live_bytes = largest_live_sum(lifetimes, alignment);
  return best;
}

}  // namespace tempera::lower
