#include "kernel/stmt.h"

#include "base/check.h"

namespace tempera::kernel {
namespace {

Stmt make(StmtNode node) { return std::make_shared<const StmtNode>(std::move(node)); }

Expr with_lanes(Expr x, int lanes) {
  return x->type.is_scalar() ? broadcast(std::move(x), lanes) : x;
}

}  // namespace

Stmt block(std::vector<Stmt> statements) {
  for (const Stmt& s : statements) CHECK(s != nullptr, "a block holds no statement");
  if (statements.size() == 1) return std::move(statements.front());
  return make({.kind = StmtKind::block, .body = std::move(statements)});
}

Stmt loop(LoopKind kind, Expr variable, Expr begin, Expr extent, Stmt body) {
  CHECK(variable->kind == ExprKind::variable && variable->type == Type{}, "a loop counts with {}",
        to_string(variable->type));
  CHECK(begin->type == Type{} && extent->type == Type{}, "loop {} from {} over {}", variable->name,
        to_string(begin->type), to_string(extent->type));
  CHECK(body != nullptr, "loop {} has no body", variable->name);
  return make({.kind = StmtKind::loop,
               .loop_kind = kind,
               .variable = std::move(variable),
               .begin = std::move(begin),
               .extent = std::move(extent),
               .body = {std::move(body)}});
}

Stmt branch(Expr condition, Stmt then, Stmt otherwise) {
  CHECK(condition->type == Type({DType::boolean, 1}), "branch on {}", to_string(condition->type));
  CHECK(then != nullptr, "a branch has no body");
  std::vector<Stmt> body = {std::move(then)};
  if (otherwise) body.push_back(std::move(otherwise));
  return make(
      {.kind = StmtKind::branch, .condition = std::move(condition), .body = std::move(body)});
}

Stmt let(Expr variable, Expr value, Stmt body) {
  CHECK(variable->kind == ExprKind::variable && variable->type == value->type, "let {}: {} be {}",
        variable->name, to_string(variable->type), to_string(value->type));
  CHECK(body != nullptr, "let {} has no body", variable->name);
  return make({.kind = StmtKind::let,
               .variable = std::move(variable),
               .value = std::move(value),
               .body = {std::move(body)}});
}

Stmt store(Buffer buffer, Expr index, Expr value, Expr mask) {
  CHECK(index->type.dtype == DType::i32, "{} is indexed by {}", buffer->name,
        to_string(index->type));
  const int lanes = buffer->type.is_scalar() ? index->type.lanes : buffer->type.lanes;
  CHECK(buffer->type.is_scalar() || index->type.is_scalar(), "{} of {} is indexed by {}",
        buffer->name, to_string(buffer->type), to_string(index->type));
  value = with_lanes(std::move(value), lanes);
  CHECK(value->type == buffer->type.with_lanes(lanes), "{} of {}: store of {} at {}", buffer->name,
        to_string(buffer->type), to_string(value->type), to_string(index->type));
  if (mask.defined()) {
    mask = with_lanes(std::move(mask), lanes);
    CHECK(mask->type == Type({DType::boolean, lanes}), "{}: store of {} masked by {}", buffer->name,
          to_string(value->type), to_string(mask->type));
  }
  return make({.kind = StmtKind::store,
               .value = std::move(value),
               .buffer = std::move(buffer),
               .index = std::move(index),
               .mask = std::move(mask)});
}

Stmt allocate(Buffer buffer, Stmt body) {
  CHECK(buffer->space != Space::global, "{} is global and cannot be allocated", buffer->name);
  CHECK(body != nullptr, "allocate {} has no body", buffer->name);
  return make({.kind = StmtKind::allocate, .buffer = std::move(buffer), .body = {std::move(body)}});
}

Stmt barrier() { return make({.kind = StmtKind::barrier}); }

Stmt for_each(LoopKind kind, std::string name, Expr begin, Expr extent,
              const std::function<Stmt(Expr)>& body) {
  const Expr counter = variable(std::move(name));
  return loop(kind, counter, std::move(begin), std::move(extent), body(counter));
}

Stmt let_in(std::string name, Expr value, const std::function<Stmt(Expr)>& body) {
  const Expr bound = variable(std::move(name), value->type);
  return let(bound, std::move(value), body(bound));
}

}  // namespace tempera::kernel
