#include <unordered_map>

#include "base/check.h"
#include "kernel/interpret_code.h"

namespace tempera::kernel::interpreter {
namespace {

constexpr int32_t kAlignment = 16;
// Slot 0 is nobody's: an instruction's operand 0 means "none".
constexpr int32_t kFirstSlot = kAlignment;

class Compiler {
 public:
  Program compile(const Kernel& kernel) {
    for (const Buffer& parameter : kernel.parameters) add_memory(parameter, -1);
    Stmt body = kernel.body;
    for (; body->kind == StmtKind::loop && body->loop_kind == LoopKind::grid; body = body->body[0])
      add_grid_loop(*body);
    emit_stmt(body);
    emit({.run = run_finish});
    place_constants();
    return std::move(program_);
  }

 private:
  int32_t emit(Instruction instruction) {
    program_.instructions.push_back(instruction);
    return static_cast<int32_t>(program_.instructions.size()) - 1;
  }
  int32_t here() const { return static_cast<int32_t>(program_.instructions.size()); }

  // Slots are handed out as from a stack: a statement gives back what it took.
  int32_t take(int64_t bytes) {
    const int32_t slot = top_;
    top_ += static_cast<int32_t>((bytes + kAlignment - 1) / kAlignment * kAlignment);
    CHECK(top_ > slot && top_ < (1 << 30), "a kernel's frame of {} bytes", top_);
    size_ = std::max(size_, top_);
    return slot;
  }
  int32_t take(Type type) { return take(size_in_bytes(type)); }

  // Constants lie behind everything else; until that is known their slots are negative.
  int32_t constant_slot(const Expr& e) {
    constants_.push_back(e);
    return -static_cast<int32_t>(constants_.size());
  }

  void place_constants() {
    program_.frame.resize(size_ + constants_.size() * kAlignment);
    const auto place = [&](int32_t& slot) {
      if (slot < 0) slot = size_ + (-slot - 1) * kAlignment;
    };
    for (size_t i = 0; i < constants_.size(); ++i)
      write_constant(*constants_[i], program_.frame.data() + size_ + i * kAlignment);
    for (Instruction& in : program_.instructions)
      for (int32_t* slot : {&in.a, &in.b, &in.c}) place(*slot);
    for (LaneNest& nest : program_.nests)
      for (Counter& loop : nest.loops) {
        place(loop.begin);
        place(loop.extent);
      }
  }

  int32_t add_memory(const Buffer& buffer, int32_t offset) {
    const auto number = static_cast<int32_t>(program_.memories.size());
    program_.memories.push_back({buffer.get(), offset});
    memories_[buffer.get()] = number;
    return number;
  }

  int32_t memory_of(const Buffer& buffer) const {
    const auto found = memories_.find(buffer.get());
    CHECK(found != memories_.end(), "buffer {} is neither a parameter nor allocated here",
          buffer->name);
    return found->second;
  }

  void add_grid_loop(const StmtNode& loop) {
    const int64_t* begin = as_int(loop.begin);
    const int64_t* extent = as_int(loop.extent);
    CHECK(begin && extent, "grid loop {} has no constant extent", loop.variable->name);
    program_.grid.push_back({bind(loop.variable), *begin, *extent});
  }

  int32_t bind(const Expr& variable) {
    const int32_t slot = take(variable->type);
    variables_[variable.get()] = slot;
    return slot;
  }

  // --- expressions: a node is computed once a statement ---

  int32_t emit_expr(const Expr& e) {
    if (const auto found = variables_.find(e.get()); found != variables_.end())
      return found->second;
    if (const auto found = done_.find(e.get()); found != done_.end()) return found->second;
    CHECK(e->kind != ExprKind::variable, "variable {} is not bound here", e->name);
    const int32_t slot = e->kind == ExprKind::constant ? constant_slot(e)
                         : e->kind == ExprKind::load   ? emit_load(*e)
                                                       : emit_operation(*e);
    done_[e.get()] = slot;
    return slot;
  }

  int32_t emit_operation(const ExprNode& e) {
    Instruction in{.run = run_of(e), .lanes = e.type.lanes};
    int32_t* operands[] = {&in.a, &in.b, &in.c};
    for (size_t i = 0; i < e.args.size(); ++i) *operands[i] = emit_expr(e.args[i]);
    in.element = static_cast<int32_t>(e.integer);
    if (e.kind == ExprKind::repeat || e.kind == ExprKind::ramp) in.element = e.args[0]->type.lanes;
    if (e.kind == ExprKind::call && e.intrinsic == Intrinsic::matrix_dot)
      in.element = extents_of_dot(e.args).columns, in.inner = extents_of_dot(e.args).depth;
    if (e.kind == ExprKind::call && e.intrinsic >= Intrinsic::reduce_add &&
        e.intrinsic <= Intrinsic::reduce_min) {
      in.lanes = e.args[0]->type.lanes;
      in.c = take(e.args[0]->type);
    }
    in.out = take(e.type);
    emit(in);
    return in.out;
  }

  // A whole run of elements, given by the first one's index?
  static bool is_run(const Expr& index, const Expr& mask) {
    return index->kind == ExprKind::ramp && index->args[0]->type.is_scalar() &&
           is_constant(index->args[1], 1) && !mask.defined();
  }

  int32_t emit_load(const ExprNode& e) {
    const Expr mask = e.args.size() > 1 ? e.args[1] : Expr();
    const bool contiguous = is_run(e.args[0], mask);
    Instruction in{.run = run_of_load(*e.buffer, {mask.defined(), contiguous}),
                   .lanes = e.type.lanes};
    in.element = memory_of(e.buffer);
    in.a = emit_expr(contiguous ? e.args[0]->args[0] : e.args[0]);
    if (mask.defined()) in.b = emit_expr(mask);
    in.out = take(e.type);
    emit(in);
    return in.out;
  }

  // --- statements ---

  void emit_stmt(const Stmt& s) {
    const int32_t mark = top_;
    done_.clear();
    switch (s->kind) {
      case StmtKind::block:
        for (const Stmt& child : s->body) emit_stmt(child);
        break;
      case StmtKind::loop:
        s->loop_kind == LoopKind::lane ? emit_lane_nest(s) : emit_loop(*s);
        break;
      case StmtKind::branch:
        emit_branch(*s);
        break;
      case StmtKind::let:
        emit_let(*s);
        break;
      case StmtKind::store:
        emit_store(*s);
        break;
      case StmtKind::allocate:
        emit_allocate(*s);
        break;
      case StmtKind::barrier:
        if (inside_lanes_) emit({.run = run_barrier});
        break;
    }
    top_ = mark;
  }

  void emit_loop(const StmtNode& s) {
    Instruction in{.run = run_loop_enter, .out = bind(s.variable), .c = take(Type{})};
    in.a = emit_expr(s.begin);
    in.b = emit_expr(s.extent);
    const int32_t enter = emit(in);
    emit_stmt(s.body[0]);
    emit({.run = run_loop_next, .out = in.out, .c = in.c, .target = enter + 1});
    program_.instructions[enter].target = here();
  }

  void emit_branch(const StmtNode& s) {
    const int32_t condition = emit_expr(s.condition);
    const int32_t skip = emit({.run = run_jump_if_not, .a = condition});
    emit_stmt(s.body[0]);
    if (s.body.size() > 1) {
      const int32_t end = emit({.run = run_jump});
      program_.instructions[skip].target = here();
      emit_stmt(s.body[1]);
      program_.instructions[end].target = here();
    } else {
      program_.instructions[skip].target = here();
    }
  }

  void emit_let(const StmtNode& s) {
    const int32_t value = emit_expr(s.value);
    variables_[s.variable.get()] = value;
    emit_stmt(s.body[0]);
  }

  void emit_store(const StmtNode& s) {
    const bool contiguous = is_run(s.index, s.mask);
    Instruction in{.run = run_of_store(*s.buffer, {s.mask.defined(), contiguous}),
                   .lanes = s.value->type.lanes};
    in.element = memory_of(s.buffer);
    in.a = emit_expr(contiguous ? s.index->args[0] : s.index);
    in.b = emit_expr(s.value);
    if (s.mask.defined()) in.c = emit_expr(s.mask);
    emit(in);
  }

  void emit_allocate(const StmtNode& s) {
    const int64_t bytes = s.buffer->size * size_in_bytes(s.buffer->type);
    if (s.buffer->space == Space::registers) {
      const int32_t offset = take(std::max<int64_t>(bytes, 1));
      add_memory(s.buffer, offset);
      emit({.run = run_fill, .out = offset, .lanes = static_cast<int32_t>(bytes)});
    } else {
      add_memory(s.buffer, -1);
    }
    emit_stmt(s.body[0]);
  }

  void emit_lane_nest(Stmt s) {
    CHECK(!inside_lanes_, "lane loop {} inside another's statements", s->variable->name);
    LaneNest nest;
    for (; s->kind == StmtKind::loop && s->loop_kind == LoopKind::lane; s = s->body[0]) {
      const int32_t begin = emit_expr(s->begin);
      const int32_t extent = emit_expr(s->extent);
      nest.loops.push_back({bind(s->variable), begin, extent});
    }
    const auto number = static_cast<int32_t>(program_.nests.size());
    program_.nests.push_back(std::move(nest));
    const int32_t enter = emit({.run = run_lane_nest, .element = number});
    inside_lanes_ = true;
    emit_stmt(s);
    inside_lanes_ = false;
    emit({.run = run_finish});
    program_.instructions[enter].target = here();
  }

  Program program_;
  std::unordered_map<const ExprNode*, int32_t> variables_;  // slots
  std::unordered_map<const ExprNode*, int32_t> done_;       // this statement's nodes
  std::unordered_map<const BufferNode*, int32_t> memories_;
  std::vector<Expr> constants_;
  int32_t top_ = kFirstSlot;
  int32_t size_ = kFirstSlot;
  bool inside_lanes_ = false;
};

}  // namespace

Program compile(const Kernel& kernel) { return Compiler().compile(kernel); }

}  // namespace tempera::kernel::interpreter
