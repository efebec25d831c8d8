#include "kernel/mutate.h"

#include <unordered_set>

namespace tempera::kernel {
namespace {

bool same(const std::vector<Expr>& a, const std::vector<Expr>& b) {
  for (size_t i = 0; i < a.size(); ++i)
    if (!a[i].same_as(b[i])) return false;
  return true;
}

void walk(const Expr& e, const std::function<void(const Expr&)>& visit,
          std::unordered_set<const ExprNode*>& seen) {
  if (!seen.insert(e.get()).second) return;
  for (const Expr& arg : e->args) walk(arg, visit, seen);
  visit(e);
}

}  // namespace

Expr with_args(const Expr& e, std::vector<Expr> args) {
  if (same(e->args, args)) return e;
  switch (e->kind) {
    case ExprKind::unary:
      return unary(e->unary_op, args[0]);
    case ExprKind::binary:
      return binary(e->binary_op, args[0], args[1]);
    case ExprKind::select:
      return select(args[0], args[1], args[2]);
    case ExprKind::cast:
      return cast(e->type.dtype, args[0]);
    case ExprKind::broadcast:
      return broadcast(args[0], e->type.lanes);
    case ExprKind::repeat:
      return repeat(args[0], e->type.lanes);
    case ExprKind::ramp:
      return ramp(args[0], args[1], e->type.lanes);
    case ExprKind::load:
      return load(e->buffer, args[0], args.size() > 1 ? args[1] : Expr());
    case ExprKind::extract:
      return extract(args[0], static_cast<int>(e->integer));
    case ExprKind::call:
      return call(e->intrinsic, std::move(args));
    default:
      return e;
  }
}

Expr Mutator::mutate(const Expr& e) {
  if (!e.defined()) return e;
  if (const auto found = done_.find(e.get()); found != done_.end()) return found->second.to;
  Expr to = visit(e);
  done_.insert_or_assign(e.get(), Entry{e, to});
  return to;
}

Expr Mutator::visit(const Expr& e) {
  if (e->args.empty()) return e;
  std::vector<Expr> args;
  args.reserve(e->args.size());
  for (const Expr& arg : e->args) args.push_back(mutate(arg));
  return with_args(e, std::move(args));
}

Stmt Mutator::visit(const Stmt& s) {
  StmtNode node = *s;
  bool changed = false;
  for (Expr* e :
       {&node.begin, &node.extent, &node.condition, &node.value, &node.index, &node.mask}) {
    Expr to = mutate(*e);
    changed |= !to.same_as(*e);
    *e = std::move(to);
  }
  for (Stmt& child : node.body) {
    Stmt to = mutate(child);
    changed |= to != child;
    child = std::move(to);
  }
  return changed ? std::make_shared<const StmtNode>(std::move(node)) : s;
}

std::vector<Expr> own_expressions(const Stmt& s) {
  std::vector<Expr> out;
  for (const Expr* e : {&s->begin, &s->extent, &s->condition, &s->index, &s->value, &s->mask})
    if (e->defined()) out.push_back(*e);
  return out;
}

void for_each_node(const Expr& e, const std::function<void(const Expr&)>& visit) {
  std::unordered_set<const ExprNode*> seen;
  walk(e, visit, seen);
}

void for_each_stmt(const Stmt& s, const std::function<void(const Stmt&)>& visit) {
  visit(s);
  for (const Stmt& child : s->body) for_each_stmt(child, visit);
}

}  // namespace tempera::kernel
