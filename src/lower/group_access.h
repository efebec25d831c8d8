#pragma once

#include <functional>
#include <map>
#include <span>
#include <vector>

#include "graph/passes/fuse.h"
#include "kernel/stmt.h"
#include "lower/program.h"

namespace tempera::lower {

// A group's tensors as a kernel sees them: asks for "the value of this operand at this index" and
// hands over "this result goes to this index". Members before the anchor are computed on the way
// in, members after it on the way out, so that a schedule never knows whether an activation, a
// bias, a residual, a transpose or an upsampling is there.
//
// An index has one i32 expression a logical dimension. A dimension may be a ramp (at most one, all
// others scalars): then values have its lanes. Indices come out simplified as far as
// kernel::simplify() can later prove; layouts turn into strides. One GroupAccess serves one kernel:
// it makes that kernel's global parameters when they are first used.
class GroupAccess {
 public:
  using Expr = kernel::Expr;
  using Index = std::vector<Expr>;

  explicit GroupAccess(const graph::Group& group) : group_(group) {}

  // `value` is an input of the body or computed from inputs without the anchor. Lanes where `mask`
  // is 0 read nothing and hold unspecified finite or non-finite numbers.
  Expr value_at(graph::ValueId value, const Index& index, Expr mask = {});

  // From now on `value`, moments before the anchor, is `expr`: what the schedule computed for the
  // row that it asks about next.
  void define(graph::ValueId value, Expr expr) {
    defined_[value] = [expr = std::move(expr)](const Index&, const Expr&) { return expr; };
  }
  // The same for a group_norm_affine's results: their elements at an index, under a mask.
  using Elements = std::function<Expr(const Index& index, const Expr& mask)>;
  void define(graph::ValueId value, Elements elements) { defined_[value] = std::move(elements); }

  // From now on what `add` makes of each vector of elements of `value`, a result or computed from
  // it, runs beside their store.
  void watch(graph::ValueId value, std::function<kernel::Stmt(const Expr& elements)> add) {
    watches_[value] = std::move(add);
  }

  // Reads of `value` at `index` that pass through a concat choose its piece by a select for each
  // lane. Where all lanes of the index are within one piece whatever the loops, this makes it a
  // branch: `body` is called for each piece, and value_at(value, index) within it reads that alone.
  kernel::Stmt each_piece(graph::ValueId value, const Index& index,
                          const std::function<kernel::Stmt()>& body);

  // Stores every output of the group, given the anchor's results (one for each of its outputs) at
  // `index` of the anchor's output. For a group without an anchor see store_outputs. Lanes where
  // `mask` is 0 are not written.
  kernel::Stmt store_results(const Index& index, const std::vector<Expr>& results, Expr mask = {});
  // The same where the epilogue slices the anchor's columns into halves (graph::half_of_columns):
  // results[i] is the anchor's one result at indices[i], which are the same place in each half.
  kernel::Stmt store_halves(const std::vector<Index>& indices, const std::vector<Expr>& results,
                            Expr mask = {});
  // A group without an anchor: computes and stores every output (all of one shape) at `index`.
  kernel::Stmt store_outputs(const Index& index, Expr mask = {});

  // All of an input or output whose memory the schedule knows itself.
  kernel::Buffer whole_input(int index, int64_t size);
  kernel::Buffer whole_output(int index, int64_t size);
  // Buffers of the schedule's own.
  kernel::Buffer temporary(int index, kernel::Type type, int64_t size, bool written);
  kernel::Buffer packed(int index, kernel::Type type, int64_t size, bool written);

  // Ends the kernel: its parameters are those used, in order of first use.
  Launch launch(std::string name, kernel::Stmt body) const;
  // Pairs as Program::in_place: inputs used only at the very places that the output is then
  // written.
  std::vector<std::pair<int, int>> in_place() const;

 private:
  struct Use {
    kernel::Buffer buffer;
    Operand operand;
    // Every read of an input was at the index handed to the store in progress; every store of an
    // output was there.
    bool only_at_place = true;
  };
  kernel::Buffer use(Operand operand, const std::string& name, kernel::Type type, int64_t size,
                     bool written);
  kernel::Buffer whole(Operand operand, graph::ValueId value, int64_t size);
  void mark_place(const kernel::Buffer& buffer, const Index& index);
  Expr load_input(graph::ValueId value, const Index& index, Expr mask);
  // A concat on the way to an element, with the index along its axis.
  struct Join {
    const graph::Node* concat = nullptr;
    Expr along;
  };
  Join first_join(graph::ValueId value, const Index& index) const;
  kernel::Stmt choose(const Join& join, size_t begin, size_t end,
                      const std::function<kernel::Stmt()>& body);
  Expr concat_at(const graph::Node& node, const Index& index, Expr mask);
  Expr movement_at(const graph::Node& node, const Index& index, Expr mask);
  // What is known of a value: its elements at some indices.
  using Places = std::vector<std::pair<Index, Expr>>;
  Places follow(const graph::Node& node, const Places& source, const Expr& mask);
  std::vector<kernel::Stmt> store_all(std::map<graph::ValueId, Places> known, Expr mask);

  const graph::Group& group_;
  std::vector<Use> uses_;
  std::map<graph::ValueId, Elements> defined_;
  std::map<graph::ValueId, std::function<kernel::Stmt(const Expr&)>> watches_;
  Index place_;  // the index handed to the store in progress; otherwise empty
  std::map<graph::ValueId, Places> known_;       // results handed over, while storing
  std::map<const graph::Node*, size_t> chosen_;  // concats whose piece is known, within each_piece
};

// The linear element offset of a logical index in a value's memory.
kernel::Expr element_offset(const graph::Value& value, const std::vector<kernel::Expr>& index);

}  // namespace tempera::lower
