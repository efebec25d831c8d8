#include <unordered_set>

#include "backend/cpu/codegen/legalize.h"
#include "kernel/mutate.h"
#include "kernel/substitute.h"

namespace tempera::cpu {
namespace {

using namespace kernel;  // NOLINT: this file is written in the kernel IR's terms

bool is_lane_loop(const Stmt& s) {
  return s->kind == StmtKind::loop && s->loop_kind == LoopKind::lane;
}

bool has_barrier(const Stmt& root) {
  bool found = false;
  for_each_stmt(root, [&](const Stmt& s) { found |= s->kind == StmtKind::barrier; });
  return found;
}

int64_t constant_of(const Expr& e) {
  const int64_t* value = as_int(e);
  CHECK(value, "a lane loop has no constant bounds");
  return *value;
}

// A nest of lane loops: one workgroup.
struct Lanes {
  std::vector<Stmt> loops;  // outer first

  int64_t count() const {
    int64_t n = 1;
    for (const Stmt& l : loops) n *= constant_of(l->extent);
    return n;
  }
  Expr index() const {
    Expr flat = 0;
    for (const Stmt& l : loops) flat = flat * l->extent + (l->variable - l->begin);
    return flat;
  }
  Stmt run(Stmt body) const {
    for (auto l = loops.rbegin(); l != loops.rend(); ++l)
      body = loop(LoopKind::serial, (*l)->variable, (*l)->begin, (*l)->extent, std::move(body));
    return body;
  }
  bool tell_apart(const Expr& e) const {
    bool found = false;
    for_each_node(e, [&](const Expr& node) {
      found |= node->kind == ExprKind::load && node->buffer->space == Space::registers;
      for (const Stmt& l : loops) found |= node.same_as(l->variable);
    });
    return found;
  }
};

// Moves a lane's register buffer into its own part of an array of all lanes.
struct MoveToLanes : Mutator {
  Buffer from, to;
  Expr first;
  using Mutator::visit;

  MoveToLanes(const Lanes& lanes, Buffer buffer)
      : from(std::move(buffer)),
        to(make_buffer(from->name, from->type, Space::workgroup, from->size * lanes.count(), true)),
        first(lanes.index() * Expr(static_cast<int>(from->size))) {}

  Expr visit(const Expr& original) override {
    const Expr e = Mutator::visit(original);
    if (e->kind != ExprKind::load || e->buffer != from) return e;
    return load(to, e->args[0] + first, e->args.size() > 1 ? e->args[1] : Expr());
  }
  Stmt visit(const Stmt& original) override {
    const Stmt s = Mutator::visit(original);
    if (s->kind != StmtKind::store || s->buffer != from) return s;
    return store(to, s->index + first, s->value, s->mask);
  }
};

Stmt fission(const Lanes& lanes, const Stmt& s);

Stmt fission_block(const Lanes& lanes, const Stmt& s) {
  std::vector<Stmt> result, run;
  const auto flush = [&] {
    if (!run.empty()) result.push_back(lanes.run(block(std::move(run))));
    run.clear();
  };
  for (const Stmt& child : s->body) {
    if (!has_barrier(child)) {
      run.push_back(child);
      continue;
    }
    flush();
    if (child->kind != StmtKind::barrier) result.push_back(fission(lanes, child));
  }
  flush();
  return block(std::move(result));
}

// A let whose body has a barrier: each lane keeps its value in an array, unless it is the same for
// all.
Stmt fission_let(const Lanes& lanes, const Stmt& s) {
  if (!lanes.tell_apart(s->value)) return let(s->variable, s->value, fission(lanes, s->body[0]));
  const Buffer kept =
      make_buffer(s->variable->name, s->value->type, Space::workgroup, lanes.count(), true);
  const Substitution use = {{s->variable.get(), load(kept, lanes.index())}};
  const Stmt rest = substitute(s->body[0], use);
  return allocate(kept,
                  block({lanes.run(store(kept, lanes.index(), s->value)), fission(lanes, rest)}));
}

Stmt fission_allocate(const Lanes& lanes, const Stmt& s) {
  if (s->buffer->space == Space::workgroup) return allocate(s->buffer, fission(lanes, s->body[0]));
  MoveToLanes move(lanes, s->buffer);
  return allocate(move.to, fission(lanes, move.mutate(s->body[0])));
}

// Barriers are uniform: loops and branches around one have the same bounds for every lane.
Stmt fission(const Lanes& lanes, const Stmt& s) {
  if (!has_barrier(s)) return lanes.run(s);
  switch (s->kind) {
    case StmtKind::block:
      return fission_block(lanes, s);
    case StmtKind::loop:
      return loop(s->loop_kind, s->variable, s->begin, s->extent, fission(lanes, s->body[0]));
    case StmtKind::branch:
      return branch(s->condition, fission(lanes, s->body[0]),
                    s->body.size() > 1 ? fission(lanes, s->body[1]) : nullptr);
    case StmtKind::let:
      return fission_let(lanes, s);
    case StmtKind::allocate:
      return fission_allocate(lanes, s);
    default:
      return block({});
  }
}

struct SerializeLanes : Mutator {
  using Mutator::visit;
  Stmt visit(const Stmt& s) override {
    if (s->kind == StmtKind::barrier) return block({});
    if (!is_lane_loop(s)) return Mutator::visit(s);
    Lanes lanes;
    Stmt body = s;
    for (; is_lane_loop(body); body = body->body[0]) lanes.loops.push_back(body);
    return fission(lanes, body);
  }
};

}  // namespace

Kernel serialize_lanes(const Kernel& kernel) {
  return {kernel.name, kernel.parameters, SerializeLanes().mutate(kernel.body)};
}

}  // namespace tempera::cpu
