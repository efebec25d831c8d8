#include "kernel/passes/unroll.h"

#include "base/check.h"
#include "kernel/mutate.h"
#include "kernel/simplify.h"

namespace tempera::kernel {
namespace {

class Unroller : public Mutator {
 protected:
  Expr visit(const Expr& e) override {
    if (e->kind == ExprKind::variable) {
      const auto found = values_.find(e.get());
      return found == values_.end() ? e : found->second;
    }
    if (e->kind == ExprKind::load) {
      const Buffer& buffer = current(e->buffer);
      if (buffer != e->buffer)
        return load(buffer, mutate(e->args[0]), e->args.size() > 1 ? mutate(e->args[1]) : Expr());
    }
    return Mutator::visit(e);
  }

  Stmt visit(const Stmt& s) override {
    switch (s->kind) {
      case StmtKind::loop:
        return s->loop_kind == LoopKind::unrolled ? expand(*s) : copy_loop(s);
      case StmtKind::let:
        return copy_let(s);
      case StmtKind::allocate:
        return copy_allocate(s);
      case StmtKind::store:
        return store(current(s->buffer), mutate(s->index), mutate(s->value), mutate(s->mask));
      default:
        return Mutator::visit(s);
    }
  }

 private:
  Stmt expand(const StmtNode& s) {
    const Expr first = simplify(mutate(s.begin));
    const Expr count = simplify(mutate(s.extent));
    CHECK(as_int(first) && as_int(count), "unrolled loop {} has no constant bounds",
          s.variable->name);
    std::vector<Stmt> copies;
    const bool outermost = !copying_;
    copying_ = true;
    for (int64_t i = 0; i < *as_int(count); ++i) {
      set(s.variable, constant_int(Type{}, *as_int(first) + i));
      copies.push_back(mutate(s.body[0]));
    }
    copying_ = !outermost;
    return block(std::move(copies));
  }

  // In a copied body a name gets a node of its own; what was copied under another value is
  // forgotten.
  void set(const Expr& variable, const Expr& value) {
    values_.insert_or_assign(variable.get(), value);
    forget();
  }

  Expr bind(const Expr& bound) {
    if (!copying_) return bound;
    const Expr own = variable(bound->name, bound->type);
    set(bound, own);
    return own;
  }

  Stmt copy_loop(const Stmt& s) {
    const Expr begin = mutate(s->begin);
    const Expr extent = mutate(s->extent);
    const Expr counter = bind(s->variable);
    return loop(s->loop_kind, counter, begin, extent, mutate(s->body[0]));
  }

  Stmt copy_let(const Stmt& s) {
    const Expr value = mutate(s->value);
    const Expr bound = bind(s->variable);
    return let(bound, value, mutate(s->body[0]));
  }

  Stmt copy_allocate(const Stmt& s) {
    if (!copying_) return Mutator::visit(s);
    const Buffer own = std::make_shared<const BufferNode>(*s->buffer);
    buffers_.insert_or_assign(s->buffer.get(), own);
    forget();
    return allocate(own, mutate(s->body[0]));
  }

  const Buffer& current(const Buffer& buffer) const {
    const auto found = buffers_.find(buffer.get());
    return found == buffers_.end() ? buffer : found->second;
  }

  std::unordered_map<const ExprNode*, Expr> values_;
  std::unordered_map<const BufferNode*, Buffer> buffers_;
  bool copying_ = false;
};

}  // namespace

Kernel unroll(Kernel kernel) {
  kernel.body = Unroller().mutate(kernel.body);
  return kernel;
}

}  // namespace tempera::kernel
