#pragma once

#include <unordered_map>
#include <unordered_set>

#include "kernel/bounds.h"
#include "kernel/linear.h"

namespace tempera::kernel {

// simplify() of expressions, with what is known at one place of a kernel. Keeps all it has seen, so
// that many expressions of a kernel share the work.
class ExprSimplifier {
 public:
  explicit ExprSimplifier(const VariableRanges& ranges = {}) : ranges_(ranges) {}

  Expr simplify(const Expr& e);
  Range range_of(const Expr& e) { return ranges_.of(e); }
  // What a comparison's truth (or an `&&` of several) says about its operands, from here on.
  void assume(const Expr& condition);
  // From here on a variable stands for something simplified, or has a range.
  void define(const Expr& variable, const Expr& value);
  void define(const Expr& variable, const Range& range);

  // What assume() and define() changed since is forgotten at the Scope's end.
  class Scope {
   public:
    explicit Scope(ExprSimplifier& of);
    ~Scope();
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;

   private:
    ExprSimplifier& of_;
    std::unordered_map<const ExprNode*, Expr> done_;
    RangeAnalysis ranges_;
  };

 private:
  struct Hash {
    size_t operator()(const Expr& e) const;
  };
  struct Equal {
    bool operator()(const Expr& a, const Expr& b) const;
  };

  // The one node that is kept for all equal ones whose operands are such nodes.
  Expr unique(const Expr& e);
  // A node's place among those seen: variables in the order in which they were bound, other nodes
  // by the latest variable in them, so that a sum's first terms are those that stay the same
  // longest.
  struct Order {
    int latest_variable;
    int appearance;
    auto operator<=>(const Order&) const = default;
  };
  Order order_of(const Expr& e) { return order_.at(e.get()); }
  Expr rewritten(const Expr& e);  // undefined: nothing to do
  Expr lift_broadcast(const Expr& e);
  Expr rewrite_lanes(const Expr& e);
  Expr rewrite_ramps(const Expr& e);
  Expr rewrite_access(const Expr& e);
  Expr rewrite_select(const Expr& e);
  Expr rewrite_scalar_index(const Expr& e);
  Expr rewrite_by_range(const Expr& e);
  Expr divide_ramp(const Expr& e);

  Expr normal_sum(const Expr& e);
  Expr normal_vector_sum(const Expr& e);
  Expr normal_division(const Expr& e, bool quotient);
  Expr make_division(const Linear& numerator, int64_t divisor, bool quotient);
  void sort(Linear& linear);
  void join_divisions(Linear& linear);
  bool join_one(Linear& linear);
  Expr make_ramp(const Expr& base, const Expr& stride, int lanes);
  bool difference(const Expr& a, const Expr& b, Range& out);
  bool prove(const Expr& condition);

  // Nodes are kept alive by unique_ and sources_, so addresses stand for them.
  std::unordered_set<Expr, Hash, Equal> unique_;
  std::unordered_map<const ExprNode*, Order> order_;
  std::unordered_map<const ExprNode*, Expr> sources_;
  std::unordered_map<const ExprNode*, Expr> done_;
  std::unordered_map<const ExprNode*, Expr> values_;
  RangeAnalysis ranges_;
};

}  // namespace tempera::kernel
