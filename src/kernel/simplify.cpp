#include "kernel/simplify.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "kernel/mutate.h"
#include "kernel/simplify_expr.h"

namespace tempera::kernel {
namespace {

struct Uses {
  int count = 0;
  const StmtNode* loop = nullptr;  // the innermost around the last one
};
using UseMap = std::unordered_map<const ExprNode*, Uses>;

// Counts the places where each variable stands: operands of different nodes, and statements.
void count_uses(const Stmt& s, const StmtNode* loop, UseMap& uses) {
  const auto count = [&](const Expr& e) {
    if (e->kind == ExprKind::variable) {
      ++uses[e.get()].count;
      uses[e.get()].loop = loop;
    }
  };
  for (const Expr& own : own_expressions(s)) {
    count(own);
    for_each_node(own, [&](const Expr& e) {
      for (const Expr& arg : e->args) count(arg);
    });
  }
  const StmtNode* inside = s->kind == StmtKind::loop ? s.get() : loop;
  for (const Stmt& child : s->body) count_uses(child, inside, uses);
}

bool reads_memory(const Expr& value) {
  bool found = false;
  for_each_node(value, [&](const Expr& e) { found |= e->kind == ExprKind::load; });
  return found;
}

// A sum of variables times constants: as cheap to compute again as to keep.
bool is_index_arithmetic(const Expr& value) {
  if (value->type != Type{}) return false;
  const std::optional<Linear> sum = linear_of(value);
  if (!sum) return false;
  for (const Linear::Term& term : sum->terms)
    if (term.node->kind != ExprKind::variable) return false;
  return true;
}

bool is_empty(const Stmt& s) { return s->kind == StmtKind::block && s->body.empty(); }

class Simplifier {
 public:
  Simplifier(const Stmt& s, const VariableRanges& ranges) : exprs_(ranges) {
    count_uses(s, nullptr, uses_);
  }

  Stmt simplify(const Stmt& s) {
    switch (s->kind) {
      case StmtKind::block:
        return simplify_block(*s);
      case StmtKind::loop:
        return simplify_loop(*s);
      case StmtKind::branch:
        return simplify_branch(*s);
      case StmtKind::let:
        return simplify_let(*s);
      case StmtKind::store:
        return simplify_store(*s);
      case StmtKind::allocate: {
        Stmt body = simplify(s->body[0]);
        return is_empty(body) ? body : allocate(s->buffer, body);
      }
      case StmtKind::barrier:
        return s;
    }
    return s;
  }

 private:
  Stmt simplify_block(const StmtNode& s) {
    std::vector<Stmt> out;
    for (const Stmt& child : s.body) {
      Stmt simple = simplify(child);
      if (simple->kind == StmtKind::block)
        out.insert(out.end(), simple->body.begin(), simple->body.end());
      else
        out.push_back(std::move(simple));
    }
    return block(std::move(out));
  }

  // A variable that is bound a second time (a shared piece of kernel) gets a fresh node, so that
  // what is remembered of the first stays true.
  Expr fresh(const Expr& bound) {
    if (bound_.insert(bound.get()).second) return bound;
    Expr again = variable(bound->name, bound->type);
    exprs_.define(bound, again);
    return again;
  }

  Stmt simplify_loop(const StmtNode& s) {
    const StmtNode* outer = std::exchange(loop_, &s);
    Stmt out = simplify_loop_itself(s);
    loop_ = outer;
    return out;
  }

  Stmt simplify_loop_itself(const StmtNode& s) {
    const Expr begin = exprs_.simplify(s.begin);
    const Expr extent = exprs_.simplify(s.extent);
    const Range count = exprs_.range_of(extent);
    if (count.max <= 0) return block({});
    if (is_constant(extent, 1) && s.loop_kind != LoopKind::lane) {
      bound_.insert(s.variable.get());
      exprs_.define(s.variable, begin);
      return simplify(s.body[0]);
    }
    const Expr counter = fresh(s.variable);
    const Range first = exprs_.range_of(begin);
    exprs_.define(counter, first + Range{0, std::max<int64_t>(count.max - 1, 0), 1, 0});
    Stmt body = simplify(s.body[0]);
    return is_empty(body) ? body : loop(s.loop_kind, counter, begin, extent, body);
  }

  Stmt under(const Expr& condition, const Stmt& s) {
    const ExprSimplifier::Scope scope(exprs_);
    exprs_.assume(condition);
    return simplify(s);
  }

  Stmt simplify_branch(const StmtNode& s) {
    const Expr condition = exprs_.simplify(s.condition);
    const Stmt otherwise = s.body.size() > 1 ? s.body[1] : block({});
    if (is_constant(condition, 1)) return simplify(s.body[0]);
    if (is_constant(condition, 0)) return simplify(otherwise);
    const Expr opposite = exprs_.simplify(unary(UnaryOp::logical_not, condition));
    Stmt then = under(condition, s.body[0]);
    Stmt rest = under(opposite, otherwise);
    if (is_empty(then)) return is_empty(rest) ? rest : branch(opposite, rest);
    return branch(condition, then, is_empty(rest) ? nullptr : rest);
  }

  Stmt simplify_let(const StmtNode& s) {
    const Expr value = exprs_.simplify(s.value);
    const auto found = uses_.find(s.variable.get());
    if (found == uses_.end()) return simplify(s.body[0]);
    // Beside its definition: in no loop that the definition is outside of.
    const bool once =
        found->second.count == 1 && found->second.loop == loop_ && !reads_memory(value);
    if (once || value->kind == ExprKind::constant || value->kind == ExprKind::variable ||
        is_index_arithmetic(value)) {
      bound_.insert(s.variable.get());
      exprs_.define(s.variable, value);
      return simplify(s.body[0]);
    }
    const Expr bound = fresh(s.variable);
    if (!is_float(value->type.dtype)) exprs_.define(bound, exprs_.range_of(value));
    Stmt body = simplify(s.body[0]);
    return is_empty(body) ? body : let(bound, value, body);
  }

  Stmt simplify_store(const StmtNode& s) {
    const Expr mask = exprs_.simplify(s.mask);
    const Expr scalar = mask.defined() && mask->kind == ExprKind::broadcast ? mask->args[0] : mask;
    if (scalar.defined() && is_constant(scalar, 0)) return block({});
    const bool all = scalar.defined() && is_constant(scalar, 1);
    return store(s.buffer, exprs_.simplify(s.index), exprs_.simplify(s.value), all ? Expr() : mask);
  }

  ExprSimplifier exprs_;
  UseMap uses_;
  const StmtNode* loop_ = nullptr;  // the innermost around this place, as it was
  std::unordered_set<const ExprNode*> bound_;
};

}  // namespace

Expr simplify(const Expr& e, const VariableRanges& ranges) {
  return ExprSimplifier(ranges).simplify(e);
}

Stmt simplify(const Stmt& s, const VariableRanges& ranges) {
  return Simplifier(s, ranges).simplify(s);
}

Kernel simplify(Kernel kernel) {
  kernel.body = simplify(kernel.body);
  return kernel;
}

}  // namespace tempera::kernel
