#include <algorithm>
#include <map>
#include <set>

#include "kernel/linear.h"
#include "kernel/mutate.h"
#include "kernel/print.h"
#include "kernel/verify.h"

namespace tempera::kernel {
namespace {

constexpr int64_t kMaxSteps = 4'000'000;

// least <= sum of coefficients[counter] * counter + constant <= most
struct Bound {
  std::map<const ExprNode*, int64_t> coefficients;  // nullptr: the lane of a ramp
  int64_t least, most;                              // of the sum without its constant
};

// A store's index: constant + grid part + inner part, with what is known where it stands.
struct Write {
  Stmt store;
  std::map<const ExprNode*, int64_t> coefficients;  // of grid and inner counters, and the lane
  int64_t constant = 0;
  int lanes = 1;
  std::vector<Bound> bounds;
};

struct Counter {
  int64_t begin, extent;
};
using Counters = std::map<const ExprNode*, Counter>;

// A difference of two iterations' counters, and its place in the sums.
struct Difference {
  int64_t coefficient;  // in the index
  int64_t least, most;  // of the difference
  bool grid;
  std::vector<int64_t> in_bounds;  // its coefficient in each bound
};

// Looks for differences whose sum is -offset, with one of a grid counter that is not 0, within
// bounds.
struct Search {
  std::vector<Difference> differences;  // by falling absolute coefficient
  std::vector<std::pair<int64_t, int64_t>> bounds;
  std::vector<int64_t> reach_low, reach_high;  // of the differences from i on
  int64_t steps = 0;

  bool meets(size_t i, int64_t sum, bool moved, std::vector<int64_t>& in_bounds) {
    if (++steps > kMaxSteps) return false;
    if (i == differences.size()) {
      if (sum != 0 || !moved) return false;
      for (size_t b = 0; b < bounds.size(); ++b)
        if (in_bounds[b] < bounds[b].first || in_bounds[b] > bounds[b].second) return false;
      return true;
    }
    const Difference& d = differences[i];
    for (int64_t value = first(d, sum, i); value <= d.most; ++value) {
      const int64_t next = sum + d.coefficient * value;
      if (next + reach_high[i + 1] < 0 || next + reach_low[i + 1] > 0) {
        // Further values only move the sum further away once it has passed 0.
        if (d.coefficient > 0 ? next + reach_low[i + 1] > 0 : next + reach_high[i + 1] < 0) break;
        continue;
      }
      std::vector<int64_t> inside = in_bounds;
      for (size_t b = 0; b < bounds.size(); ++b) inside[b] += d.in_bounds[b] * value;
      if (meets(i + 1, next, moved || (d.grid && value != 0), inside)) return true;
    }
    return false;
  }

  // The first value of a difference that may still bring the sum to 0.
  int64_t first(const Difference& d, int64_t sum, size_t i) const {
    if (d.coefficient == 0) return d.least;
    const int64_t least = d.coefficient > 0 ? -floor_div(sum + reach_high[i + 1], d.coefficient)
                                            : -floor_div(-(sum + reach_low[i + 1]), -d.coefficient);
    return std::max(d.least, least - 1);
  }
};

class WriteChecker {
 public:
  explicit WriteChecker(const Kernel& kernel) : kernel_(kernel) {}

  Status check() {
    TRY(collect(kernel_.body, {}));
    for (const Buffer& parameter : kernel_.parameters) {
      const std::vector<Write>& writes = writes_[parameter.get()];
      for (size_t i = 0; i < writes.size(); ++i)
        for (size_t j = i; j < writes.size(); ++j) TRY(check_pair(writes[i], writes[j]));
    }
    return {};
  }

 private:
  Error unproved(const Stmt& s, std::string_view why) const {
    const std::string text = to_string(s);
    return error(ErrorCode::unsupported, "kernel {}: writes of '{}' are not proved disjoint: {}",
                 kernel_.name, text.substr(0, text.find('\n')), why);
  }

  Status collect(const Stmt& s, std::vector<Expr> conditions) {
    if (s->kind == StmtKind::loop) {
      const Range begin = ranges_.of(s->begin);
      const Range extent = ranges_.of(s->extent);
      const int64_t count = begin.max - begin.min + std::max<int64_t>(extent.max, 0);
      counters_[s->variable.get()] = {begin.min, count};
      if (s->loop_kind == LoopKind::grid) grid_.insert(s->variable.get());
      ranges_.know(s->variable, {begin.min, begin.min + std::max<int64_t>(count - 1, 0), 1, 0});
    }
    if (s->kind == StmtKind::let && !is_float(s->value->type.dtype))
      ranges_.know(s->variable, ranges_.of(s->value));
    if (s->kind == StmtKind::store && s->buffer->space == Space::global)
      return add_write(s, conditions);
    for (size_t i = 0; i < s->body.size(); ++i) {
      std::vector<Expr> inside = conditions;
      if (s->kind == StmtKind::branch && i == 0) inside.push_back(s->condition);
      TRY(collect(s->body[i], std::move(inside)));
    }
    return {};
  }

  // Constant and coefficients of a (ramp of a) sum of counters.
  bool take_apart(const Expr& e, int64_t factor, std::map<const ExprNode*, int64_t>& coefficients,
                  int64_t& constant) const {
    const bool vector = !e->type.is_scalar();
    if (vector && e->kind != ExprKind::ramp && e->kind != ExprKind::broadcast) return false;
    if (e->kind == ExprKind::ramp) {
      const int64_t* stride = as_int(e->args[1]);
      if (!stride || !e->args[0]->type.is_scalar()) return false;
      coefficients[nullptr] += factor * *stride;
    }
    const std::optional<Linear> sum = linear_of(vector ? e->args[0] : e);
    if (!sum) return false;
    constant += factor * sum->constant;
    for (const Linear::Term& term : sum->terms) {
      if (!counters_.contains(term.node.get())) return false;
      coefficients[term.node.get()] += factor * term.coefficient;
    }
    return true;
  }

  Status add_write(const Stmt& s, const std::vector<Expr>& conditions) {
    Write write{.store = s};
    if (!take_apart(s->index, 1, write.coefficients, write.constant))
      return unproved(s, "the index is no sum of counters");
    write.lanes = s->index->type.is_scalar() ? 1 : s->index->type.lanes;
    for (const Expr& condition : conditions) add_bound(condition, write);
    if (s->mask.defined()) add_bound(s->mask, write);
    writes_[s->buffer.get()].push_back(std::move(write));
    return {};
  }

  void add_bound(const Expr& condition, Write& write) const {
    if (condition->kind == ExprKind::broadcast) return add_bound(condition->args[0], write);
    if (condition->kind != ExprKind::binary) return;
    if (condition->binary_op == BinaryOp::bit_and) {
      add_bound(condition->args[0], write);
      add_bound(condition->args[1], write);
      return;
    }
    const bool less = condition->binary_op == BinaryOp::lt || condition->binary_op == BinaryOp::le;
    if (!less || condition->args[0]->type.dtype != DType::i32) return;
    Bound bound;
    int64_t constant = 0;
    if (!take_apart(condition->args[0], 1, bound.coefficients, constant) ||
        !take_apart(condition->args[1], -1, bound.coefficients, constant))
      return;
    bound.least = 0;
    for (const auto& [counter, coefficient] : bound.coefficients) {
      const Counter c = counter_of(counter, write.lanes);
      bound.least += std::min(coefficient * c.begin, coefficient * (c.begin + c.extent - 1));
    }
    bound.most = -constant - (condition->binary_op == BinaryOp::lt ? 1 : 0);
    write.bounds.push_back(std::move(bound));
  }

  Counter counter_of(const ExprNode* counter, int lanes) const {
    return counter ? counters_.at(counter) : Counter{0, lanes};
  }

  // The grid's counters differ between two iterations; all others are each iteration's own.
  Status check_pair(const Write& a, const Write& b) {
    Search search;
    std::vector<std::pair<const Bound*, const Bound*>> pairs;
    for (const Bound& of_a : a.bounds)
      for (const Bound& of_b : b.bounds)
        if (same_grid_part(of_a.coefficients, of_b.coefficients) && covered(of_a, a) &&
            covered(of_b, b)) {
          pairs.emplace_back(&of_a, &of_b);
          search.bounds.emplace_back(of_a.least - of_b.most, of_a.most - of_b.least);
        }
    if (!same_grid_part(a.coefficients, b.coefficients))
      return unproved(a.store, "two stores move differently with the grid");
    const auto value = [](const std::map<const ExprNode*, int64_t>& map, const ExprNode* key) {
      const auto found = map.find(key);
      return found == map.end() ? 0 : found->second;
    };
    for (const ExprNode* counter : grid_) {
      const int64_t most = counters_.at(counter).extent - 1;
      if (most <= 0) continue;
      Difference d{value(a.coefficients, counter), -most, most, true, {}};
      for (const auto& [of_a, of_b] : pairs)
        d.in_bounds.push_back(value(of_a->coefficients, counter));
      search.differences.push_back(std::move(d));
    }
    add_inner(a, 1, pairs, search);
    add_inner(b, -1, pairs, search);
    return finish(a, b, search);
  }

  // Are a bound's inner counters all in the index? Others could move the bound alone.
  bool covered(const Bound& bound, const Write& write) const {
    return std::ranges::all_of(bound.coefficients, [&](const auto& entry) {
      const auto found = write.coefficients.find(entry.first);
      return grid_.contains(entry.first) ||
             (found != write.coefficients.end() && found->second != 0);
    });
  }

  using BoundPairs = std::vector<std::pair<const Bound*, const Bound*>>;
  void add_inner(const Write& write, int64_t sign, const BoundPairs& pairs, Search& search) const {
    for (const auto& [counter, coefficient] : write.coefficients) {
      if (grid_.contains(counter) || coefficient == 0) continue;
      const Counter c = counter_of(counter, write.lanes);
      Difference d{
          sign * coefficient, c.begin, c.begin + std::max<int64_t>(c.extent - 1, 0), false, {}};
      for (const auto& [of_a, of_b] : pairs) {
        const auto& map = (sign > 0 ? of_a : of_b)->coefficients;
        const auto in_bound = map.find(counter);
        d.in_bounds.push_back(in_bound == map.end() ? 0 : sign * in_bound->second);
      }
      search.differences.push_back(std::move(d));
    }
  }

  bool same_grid_part(const std::map<const ExprNode*, int64_t>& a,
                      const std::map<const ExprNode*, int64_t>& b) const {
    for (const ExprNode* counter : grid_) {
      const auto of_a = a.find(counter);
      const auto of_b = b.find(counter);
      if ((of_a == a.end() ? 0 : of_a->second) != (of_b == b.end() ? 0 : of_b->second))
        return false;
    }
    return true;
  }

  Status finish(const Write& a, const Write& b, Search& search) {
    std::vector<Difference>& list = search.differences;
    std::ranges::sort(list, std::greater<>(),
                      [](const Difference& d) { return std::abs(d.coefficient); });
    search.reach_low.assign(list.size() + 1, 0);
    search.reach_high.assign(list.size() + 1, 0);
    for (size_t i = list.size(); i-- > 0;) {
      const int64_t x = list[i].coefficient * list[i].least;
      const int64_t y = list[i].coefficient * list[i].most;
      search.reach_low[i] = search.reach_low[i + 1] + std::min(x, y);
      search.reach_high[i] = search.reach_high[i + 1] + std::max(x, y);
    }
    search.steps = steps_;
    std::vector<int64_t> in_bounds(search.bounds.size(), 0);
    const bool meet = search.meets(0, a.constant - b.constant, false, in_bounds);
    steps_ = search.steps;
    if (steps_ > kMaxSteps) return unproved(a.store, "the search takes too long");
    if (meet) return unproved(a.store, "two grid iterations may write one element");
    return {};
  }

  const Kernel& kernel_;
  RangeAnalysis ranges_;
  Counters counters_;
  std::set<const ExprNode*> grid_;
  std::map<const BufferNode*, std::vector<Write>> writes_;
  int64_t steps_ = 0;
};

}  // namespace

Status check_grid_writes(const Kernel& kernel) { return WriteChecker(kernel).check(); }

}  // namespace tempera::kernel
