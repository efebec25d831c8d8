#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "kernel/expr.h"

namespace tempera::kernel {

// Statements of the kernel IR, immutable as expressions are.
//
// Semantics.
// - A kernel's body is a nest of zero or more `grid` loops around the rest. Grid iterations may run
//   in any order, at the same time, on different threads: one must not read what another writes.
//   The verifier proves that they write disjoint places (or that every write of an iteration is its
//   own).
// - `lane` loops are the threads of one workgroup: they stand directly inside the grid loops, all
//   of the same extents; statements beside them would run once and are not allowed. Lanes see each
//   other's writes to workgroup memory only after a `barrier`, which every lane must reach the same
//   number of times (it stands under no lane-dependent `if` or `for`). A CPU runs lanes one after
//   another between barriers. Several lane nests may follow each other; all lanes finish one before
//   the next starts, and registers do not survive.
// - `unrolled` loops have constant extent and are expanded before code is generated. `serial` loops
//   run in order.
// - A store's index counts elements of buffer->type, as a load's. Two lanes of one vector store
//   never write one element.
// - `allocate` makes a workgroup or register buffer for its body; contents are undefined at first.

enum class StmtKind : uint8_t { block, loop, branch, let, store, allocate, barrier };
enum class LoopKind : uint8_t { serial, unrolled, grid, lane };

struct StmtNode;
using Stmt = std::shared_ptr<const StmtNode>;

struct StmtNode {
  StmtKind kind;
  LoopKind loop_kind{};    // loop
  Expr variable;           // loop: the counter; let: the name
  Expr begin, extent;      // loop: begin <= counter < begin + extent
  Expr condition;          // branch: a scalar bool
  Expr value;              // let, store
  Buffer buffer;           // store, allocate
  Expr index;              // store
  Expr mask;               // store: undefined, or a bool a lane
  std::vector<Stmt> body;  // block: any number; loop, let, allocate: 1; branch: then, and else if 2
};

Stmt block(std::vector<Stmt> statements);
Stmt loop(LoopKind kind, Expr variable, Expr begin, Expr extent, Stmt body);
Stmt branch(Expr condition, Stmt then, Stmt otherwise = nullptr);
Stmt let(Expr variable, Expr value, Stmt body);
Stmt store(Buffer buffer, Expr index, Expr value, Expr mask = {});
Stmt allocate(Buffer buffer, Stmt body);
Stmt barrier();

// loop(LoopKind::serial, "k", 0, 64, [&](Expr k) { return store(...); })
Stmt for_each(LoopKind kind, std::string name, Expr begin, Expr extent,
              const std::function<Stmt(Expr)>& body);
inline Stmt serial(std::string name, Expr extent, const std::function<Stmt(Expr)>& body) {
  return for_each(LoopKind::serial, std::move(name), 0, extent, body);
}
inline Stmt unrolled(std::string name, int64_t extent, const std::function<Stmt(Expr)>& body) {
  return for_each(LoopKind::unrolled, std::move(name), 0, Expr(static_cast<int>(extent)), body);
}
inline Stmt grid(std::string name, Expr extent, const std::function<Stmt(Expr)>& body) {
  return for_each(LoopKind::grid, std::move(name), 0, extent, body);
}
// Binds a value to a name for the body, so that it is computed once.
Stmt let_in(std::string name, Expr value, const std::function<Stmt(Expr)>& body);

}  // namespace tempera::kernel
