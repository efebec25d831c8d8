#pragma once

#include <functional>
#include <unordered_map>

#include "kernel/stmt.h"

namespace tempera::kernel {

// The same node with other operands; `e` itself where all are the same nodes. Goes through the
// builders, so the operands' types may differ from e's in lanes or integer type.
Expr with_args(const Expr& e, std::vector<Expr> args);

// Rewrites expressions and statements bottom up. Override visit() for the nodes of interest and
// call the base for the rest. A node is rewritten once however often it is shared, so visit() of an
// expression must depend on nothing but the node, or forget() be called where that changes.
class Mutator {
 public:
  virtual ~Mutator() = default;
  Expr mutate(const Expr& e);
  Stmt mutate(const Stmt& s) { return visit(s); }

 protected:
  virtual Expr visit(const Expr& e);
  virtual Stmt visit(const Stmt& s);
  void forget() { done_.clear(); }

 private:
  struct Entry {
    Expr from;  // keeps the key's address taken
    Expr to;
  };
  std::unordered_map<const ExprNode*, Entry> done_;
};

// A statement's own expressions, in a fixed order; undefined ones are left out.
std::vector<Expr> own_expressions(const Stmt& s);
// Calls `visit` once for each distinct node below and including e, operands first.
void for_each_node(const Expr& e, const std::function<void(const Expr&)>& visit);
// Calls `visit` for each statement below and including s, outer ones first.
void for_each_stmt(const Stmt& s, const std::function<void(const Stmt&)>& visit);

}  // namespace tempera::kernel
