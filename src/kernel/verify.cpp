#include "kernel/verify.h"

#include <unordered_map>
#include <unordered_set>

#include "kernel/bounds.h"
#include "kernel/mutate.h"
#include "kernel/print.h"

namespace tempera::kernel {
namespace {

// The first line of a statement's text, to show where a fault is.
std::string headline(const Stmt& s) {
  const std::string text = to_string(s);
  return text.substr(0, text.find('\n'));
}

class Verifier {
 public:
  Verifier(const Kernel& kernel, Stage stage) : kernel_(kernel), stage_(stage) {}

  Status verify() {
    for (const Buffer& parameter : kernel_.parameters) {
      if (parameter->space != Space::global)
        return fault("parameter {} is not global", parameter->name);
      if (!buffers_.insert(parameter.get()).second)
        return fault("parameter {} stands twice", parameter->name);
    }
    return visit(kernel_.body, {.head = true});
  }

 private:
  struct Place {
    bool head = false;  // only grid loops so far
    bool in_lanes = false;
    bool in_flow = false;  // below a serial loop or branch
    bool uniform = true;   // all lanes come here alike
  };

  template <typename... Args>
  Error fault(fmt::format_string<Args...> format, Args&&... args) const {
    return error(ErrorCode::internal, "kernel {}: {}", kernel_.name,
                 fmt::format(format, std::forward<Args>(args)...));
  }

  Status visit(const Stmt& s, Place place) {
    for (const Expr& e : own_expressions(s))
      if (!e.same_as(s->variable)) TRY(check_expr(e, s));
    switch (s->kind) {
      case StmtKind::block:
        if (s->body.size() > 1) place.head = false;
        for (const Stmt& child : s->body) TRY(visit(child, place));
        return {};
      case StmtKind::loop:
        return visit_loop(s, place);
      case StmtKind::branch:
        return visit_branch(s, place);
      case StmtKind::let:
        return visit_let(s, place);
      case StmtKind::store:
        return visit_store(s, place);
      case StmtKind::allocate:
        return visit_allocate(s, place);
      case StmtKind::barrier:
        return visit_barrier(place);
    }
    return {};
  }

  Status bind(const Expr& variable, const Range& range, bool varies) {
    if (!scope_.insert(variable.get()).second)
      return fault("{} is bound inside its own scope", variable->name);
    if (varies)
      lane_dependent_.insert(variable.get());
    else
      lane_dependent_.erase(variable.get());
    if (!is_float(variable->type.dtype)) ranges_.know(variable, range);
    return {};
  }

  Status visit_loop(const Stmt& s, Place place) {
    TRY(check_loop_kind(s, place));
    const Range begin = ranges_.of(s->begin);
    const Range extent = ranges_.of(s->extent);
    const Range counter = begin + Range{0, std::max<int64_t>(extent.max - 1, 0), 1, 0};
    const bool lane = s->loop_kind == LoopKind::lane;
    const bool varies = varies_by_lane(s->begin) || varies_by_lane(s->extent);
    TRY(bind(s->variable, counter, lane || varies));
    place.head &= s->loop_kind == LoopKind::grid;
    place.in_lanes |= lane;
    place.in_flow |= s->loop_kind == LoopKind::serial || s->loop_kind == LoopKind::unrolled;
    place.uniform &= !varies;
    TRY(visit(s->body[0], place));
    scope_.erase(s->variable.get());
    return {};
  }

  Status check_loop_kind(const Stmt& s, const Place& place) {
    const std::string& name = s->variable->name;
    const bool constant = as_int(s->begin) && as_int(s->extent);
    switch (s->loop_kind) {
      case LoopKind::grid:
        if (!place.head) return fault("grid loop {} stands below the head", name);
        return constant ? Status() : fault("grid loop {} has no constant bounds", name);
      case LoopKind::lane:
        return check_lane_loop(s, place);
      case LoopKind::unrolled:
        if (stage_ == Stage::simplified) return fault("loop {} is still unrolled", name);
        return {};
      default:
        return {};
    }
  }

  Status check_lane_loop(const Stmt& s, const Place& place) {
    const std::string& name = s->variable->name;
    if (place.in_flow) return fault("lane loop {} stands below a loop or branch", name);
    if (place.in_lanes)
      return lane_nest_.contains(s.get())
                 ? Status()
                 : fault("lane loop {} stands among a lane's statements", name);
    if (work_beside_lanes_) return fault("lane loop {} has statements beside it", name);
    std::vector<int64_t> extents;
    for (Stmt at = s; at->kind == StmtKind::loop && at->loop_kind == LoopKind::lane;
         at = at->body[0]) {
      if (!as_int(at->begin) || !as_int(at->extent))
        return fault("lane loop {} has no constant bounds", at->variable->name);
      extents.push_back(*as_int(at->extent));
      lane_nest_.insert(at.get());
    }
    if (!lane_extents_.empty() && extents != lane_extents_)
      return fault("lane loop {} has other extents than the lane loops before it", name);
    lane_extents_ = std::move(extents);
    return {};
  }

  Status visit_branch(const Stmt& s, Place place) {
    place.head = false;
    place.in_flow = true;
    place.uniform &= !varies_by_lane(s->condition);
    for (const Stmt& child : s->body) TRY(visit(child, place));
    return {};
  }

  Status visit_let(const Stmt& s, Place place) {
    place.head = false;
    const bool integer = !is_float(s->value->type.dtype);
    TRY(bind(s->variable, integer ? ranges_.of(s->value) : Range{}, varies_by_lane(s->value)));
    TRY(visit(s->body[0], place));
    scope_.erase(s->variable.get());
    return {};
  }

  Status visit_store(const Stmt& s, const Place& place) {
    TRY(check_beside_lanes(place, headline(s)));
    TRY(check_buffer(s->buffer, s));
    if (s->buffer->space == Space::global && !s->buffer->written)
      return fault("{} is stored to but not marked written", s->buffer->name);
    return check_access(s->buffer, s->index, s->mask.defined(), s);
  }

  Status check_beside_lanes(const Place& place, const std::string& what) {
    if (place.in_lanes) return {};
    work_beside_lanes_ = true;
    if (!lane_extents_.empty()) return fault("'{}' stands beside lane loops", what);
    return {};
  }

  Status visit_allocate(const Stmt& s, Place place) {
    place.head = false;
    if (s->buffer->space == Space::workgroup && place.in_flow)
      return fault("workgroup memory {} is allocated in a loop or branch", s->buffer->name);
    if (!buffers_.insert(s->buffer.get()).second)
      return fault("buffer {} is allocated inside its own scope", s->buffer->name);
    TRY(visit(s->body[0], place));
    buffers_.erase(s->buffer.get());
    return {};
  }

  Status visit_barrier(const Place& place) {
    TRY(check_beside_lanes(place, "barrier"));
    if (!place.uniform) return fault("a barrier stands where not all lanes may come");
    return {};
  }

  // --- expressions ---

  bool varies_by_lane(const Expr& e) const {
    bool varies = false;
    for_each_node(e, [&](const Expr& node) {
      varies |= node->kind == ExprKind::load || lane_dependent_.contains(node.get());
    });
    return varies;
  }

  Status check_expr(const Expr& e, const Stmt& s) {
    Status status;
    for_each_node(e, [&](const Expr& node) {
      if (status.ok()) status = check_node(node, s);
    });
    return status;
  }

  Status check_node(const Expr& e, const Stmt& s) {
    if (e->kind == ExprKind::variable && !scope_.contains(e.get()))
      return fault("{} is not bound where it stands in '{}'", e->name, headline(s));
    if (e->kind != ExprKind::load) return {};
    TRY(check_buffer(e->buffer, s));
    return check_access(e->buffer, e->args[0], e->args.size() > 1, s);
  }

  Status check_buffer(const Buffer& buffer, const Stmt& s) const {
    if (buffers_.contains(buffer.get())) return {};
    return fault("buffer {} is neither a parameter nor allocated where it stands in '{}'",
                 buffer->name, headline(s));
  }

  Status check_access(const Buffer& buffer, const Expr& index, bool masked, const Stmt& s) {
    if (stage_ != Stage::simplified) return {};
    if (buffer->space == Space::registers && !is_constant_index(index))
      return fault("registers {} are indexed by {} in '{}', which is no constant", buffer->name,
                   to_string(index), headline(s));
    const Range range = ranges_.of(index);
    if (!masked && (range.max < 0 || range.min >= buffer->size))
      return fault("index {} of {}[{}] is out of range in '{}'", to_string(index), buffer->name,
                   buffer->size, headline(s));
    return {};
  }

  static bool is_constant_index(const Expr& index) {
    if (index->kind != ExprKind::ramp) return as_int(index) != nullptr;
    return as_int(index->args[0]) && as_int(index->args[1]);
  }

  const Kernel& kernel_;
  Stage stage_;
  RangeAnalysis ranges_;
  std::unordered_set<const ExprNode*> scope_;
  std::unordered_set<const ExprNode*> lane_dependent_;
  std::unordered_set<const BufferNode*> buffers_;
  std::unordered_set<const StmtNode*> lane_nest_;
  std::vector<int64_t> lane_extents_;
  bool work_beside_lanes_ = false;
};

}  // namespace

Status verify(const Kernel& kernel, Stage stage) { return Verifier(kernel, stage).verify(); }

}  // namespace tempera::kernel
