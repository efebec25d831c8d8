#include "lower/plan_memory.h"

#include <algorithm>
#include <numeric>
#include <random>

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

// Better orders by chance, from one that is good: a buffer near the top of the arena goes elsewhere
// in the order, if the bytes above the largest live sum, over all buffers, do not get more by over
// a threshold that falls to 0 (Dueck and Scheuer, Threshold accepting, 1990). What counts is all of
// them: there may be several places that only one change each would mend.
class OrderSearch {
 public:
  OrderSearch(std::span<const Lifetime> lifetimes, int64_t alignment, int64_t live_bytes)
      : lifetimes_(lifetimes), alignment_(alignment), live_bytes_(live_bytes) {
    neighbours_.resize(lifetimes.size());
    for (size_t a = 0; a < lifetimes.size(); ++a)
      for (size_t b = 0; b < lifetimes.size(); ++b)
        if (a != b && overlap(lifetimes[a], lifetimes[b])) neighbours_[a].push_back(b);
  }

  // Bytes that are good enough.
  int64_t wanted() const { return live_bytes_ + live_bytes_ / 50; }

  MemoryPlan run(std::vector<size_t> order) {
    constexpr int kRounds = 20000;   // less than a second for a thousand buffers
    constexpr double kWorse = 0.02;  // the first threshold, of the largest live sum
    MemoryPlan best = place(lifetimes_, order, alignment_);
    Excess excess = excess_of(best);
    for (int i = 0; i < kRounds && best.bytes > wanted(); ++i) {
      std::vector<size_t> other = moved(order, excess.topmost);
      MemoryPlan next = place(lifetimes_, other, alignment_);
      const Excess after = excess_of(next);
      const double allowed = kWorse * static_cast<double>(live_bytes_) * (kRounds - i) / kRounds;
      if (static_cast<double>(after.bytes - excess.bytes) > allowed) continue;
      order = std::move(other);
      excess = after;
      if (next.bytes < best.bytes) best = std::move(next);
    }
    return best;
  }

 private:
  struct Excess {
    int64_t bytes = 0;  // above the live sum, of all buffers
    size_t topmost = 0;
  };
  Excess excess_of(const MemoryPlan& plan) const {
    Excess excess;
    int64_t top = -1;
    for (size_t id = 0; id < lifetimes_.size(); ++id) {
      const int64_t end = plan.offsets[id] + round_up(lifetimes_[id].bytes, alignment_);
      excess.bytes += std::max<int64_t>(0, end - live_bytes_);
      if (end > top) excess.topmost = id;
      top = std::max(top, end);
    }
    return excess;
  }
  std::vector<size_t> moved(std::vector<size_t> order, size_t topmost) {
    const std::vector<size_t>& around = neighbours_[topmost];
    const size_t id =
        words_() % 2 == 0 || around.empty() ? topmost : around[words_() % around.size()];
    order.erase(std::find(order.begin(), order.end(), id));
    order.insert(order.begin() + static_cast<std::ptrdiff_t>(words_() % (order.size() + 1)), id);
    return order;
  }

  std::span<const Lifetime> lifetimes_;
  int64_t alignment_, live_bytes_;
  std::vector<std::vector<size_t>> neighbours_;
  std::minstd_rand words_;  // from its default seed: plans are reproducible
};

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

  const auto ordered = [&](auto less) {
    std::vector<size_t> order = ids;
    std::stable_sort(order.begin(), order.end(), less);
    return order;
  };
  const std::vector<size_t> orders[] = {
      ordered([&](size_t a, size_t b) { return size(a) > size(b); }),
      ordered([&](size_t a, size_t b) { return size(a) * length(a) > size(b) * length(b); }),
      ordered([&](size_t a, size_t b) { return length(a) > length(b); }),
      ordered([&](size_t a, size_t b) { return lifetimes[a].first < lifetimes[b].first; }),
      ordered([&](size_t a, size_t b) { return lifetimes[a].last > lifetimes[b].last; })};
  MemoryPlan best;
  const auto consider = [&](MemoryPlan plan) {
    if (best.offsets.empty() || plan.bytes < best.bytes) best = std::move(plan);
  };
  for (const std::vector<size_t>& order : orders) consider(place(lifetimes, order, alignment));
  const int64_t live_bytes = largest_live_sum(lifetimes, alignment);
  OrderSearch search(lifetimes, alignment, live_bytes);
  for (const std::vector<size_t>& order : orders) {
    if (best.bytes <= search.wanted()) break;
    consider(search.run(order));
  }
  best.live_bytes = live_bytes;
  return best;
}

}  // namespace tempera::lower
