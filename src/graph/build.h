#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "graph/graph.h"

namespace tempera::graph {

// Builds a Graph the way a model is written: one call an op, inside named scopes.
//
//   GraphBuilder b;
//   ValueId x = b.input("sample", DType::f32, {2, 4, 64, 64}, Rate::step);
//   {
//     auto scope = b.scope("down_blocks.0");
//     auto inner = b.scope("resnets.1");       // nodes made here have the origin
//     "down_blocks.0.resnets.1" x = b.conv(x, b.weight("down_blocks.0.resnets.1.conv1.weight",
//     DType::f16, {320, 320, 3, 3}), kAbsent, {.pad = 1}); b.mark(x); // the output of the module
//     "down_blocks.0.resnets.1"
//   }
//
// Like Graph::add, every call CHECKs that shapes and dtypes fit: check what comes from files first.
// Element-wise calls broadcast as numpy does and need equal dtypes. Negative axes count from the
// end.
class GraphBuilder {
 public:
  Graph graph;
  std::vector<NamedValue>
      marks;  // values that are a module's output, by module path, in the order of marking

  // Nodes made while the scope lives get the joined names of all living scopes as their origin.
  class Scope {
   public:
    Scope(const Scope&) = delete;
    Scope& operator=(const Scope&) = delete;
    ~Scope() { builder_.path_.resize(outer_size_); }

   private:
    friend class GraphBuilder;
    Scope(GraphBuilder& builder, std::string_view name);
    GraphBuilder& builder_;
    size_t outer_size_;
  };
  [[nodiscard]] Scope scope(std::string_view name) { return {*this, name}; }
  const std::string& path() const {
    return path_;
  }  // "down_blocks.0.resnets.1"; empty outside all scopes
  std::string path(std::string_view name) const;         // path() + "." + name
  ValueId mark(std::string module_path, ValueId value);  // returns value
  ValueId mark(ValueId value) { return mark(path_, value); }

  // Sources.
  ValueId input(std::string name, DType dtype, Shape shape, Rate rate);
  // A tensor of the checkpoint, rate load, read as `stored` and converted to `as`. One input a
  // name: the second call with the same name gives the same value.
  ValueId weight(const std::string& name, DType stored, const Shape& shape, DType as = DType::f32);
  ValueId scalar(double value, DType dtype = DType::f32);
  ValueId literal(Tensor tensor) { return graph.add_literal(std::move(tensor)); }
  void output(std::string name, ValueId value) { graph.add_output(std::move(name), value); }

  const Value& value(ValueId id) const { return graph.value(id); }
  const Shape& shape(ValueId id) const { return graph.value(id).shape; }
  DType dtype(ValueId id) const { return graph.value(id).dtype; }

  // Any op with one output, and any op.
  ValueId op(Op op, std::vector<ValueId> inputs, const Attributes& attributes = {});
  std::vector<ValueId> ops(Op op, std::vector<ValueId> inputs, const Attributes& attributes = {});

  // Element-wise. The forms with a double make a literal of a's dtype.
  ValueId add(ValueId a, ValueId b) { return op(Op::add, {a, b}); }
  ValueId sub(ValueId a, ValueId b) { return op(Op::sub, {a, b}); }
  ValueId mul(ValueId a, ValueId b) { return op(Op::mul, {a, b}); }
  ValueId div(ValueId a, ValueId b) { return op(Op::div, {a, b}); }
  ValueId add(ValueId a, double b) { return op(Op::add, {a, scalar(b, dtype(a))}); }
  ValueId sub(ValueId a, double b) { return op(Op::sub, {a, scalar(b, dtype(a))}); }
  ValueId mul(ValueId a, double b) { return op(Op::mul, {a, scalar(b, dtype(a))}); }
  ValueId div(ValueId a, double b) { return op(Op::div, {a, scalar(b, dtype(a))}); }
  ValueId exp(ValueId x) { return op(Op::exp, {x}); }
  ValueId sin(ValueId x) { return op(Op::sin, {x}); }
  ValueId cos(ValueId x) { return op(Op::cos, {x}); }
  ValueId silu(ValueId x) { return op(Op::silu, {x}); }
  ValueId gelu(ValueId x, bool tanh = false);
  ValueId quick_gelu(ValueId x) { return op(Op::quick_gelu, {x}); }
  ValueId equal(ValueId a, ValueId b) { return op(Op::equal, {a, b}); }
  ValueId less(ValueId a, ValueId b) { return op(Op::less, {a, b}); }
  ValueId where(ValueId condition, ValueId a, ValueId b) {
    return op(Op::where, {condition, a, b});
  }
  ValueId cast(ValueId x, DType to);  // x itself if it has that dtype

  // Movement.
  ValueId reshape(ValueId x, const Shape& shape);  // one extent may be -1
  ValueId transpose(ValueId x, std::vector<int64_t> perm);
  ValueId broadcast_to(ValueId x, Shape shape);
  ValueId slice(ValueId x, int64_t axis, int64_t start, int64_t end, int64_t step = 1);
  ValueId concat(std::vector<ValueId> xs, int64_t axis);
  std::vector<ValueId> split(ValueId x, int64_t axis, std::vector<int64_t> sizes);
  std::vector<ValueId> chunk(ValueId x, int64_t axis, int64_t count);  // equal pieces
  ValueId pad(ValueId x, std::vector<int64_t> pads,
              double value = 0);  // before each dimension, then after each
  ValueId upsample_nearest(ValueId x,
                           std::vector<int64_t> size);  // of the last size.size() dimensions
  ValueId gather(ValueId x, ValueId indices, int64_t axis = 0);

  // Contractions. `pad` is the same on all sides; `pads` (before each spatial dimension, then after
  // each) overrides it.
  struct ConvOptions {
    int64_t stride = 1;
    int64_t pad = 0;
    std::vector<int64_t> pads = {};
    int64_t dilation = 1;
    int64_t groups = 1;
  };
  ValueId matmul(ValueId a, ValueId b) { return op(Op::matmul, {a, b}); }
  // x [n, c, spatial...], weight [o, c / groups, kernel...], bias [o] or kAbsent.
  ValueId conv(ValueId x, ValueId weight, ValueId bias, const ConvOptions& options);
  // x [..., in], weight [out, in] as torch keeps it, bias [out] or kAbsent -> [..., out].
  ValueId linear(ValueId x, ValueId weight, ValueId bias = kAbsent);

  // Normalisations, reductions and attention.
  ValueId group_norm(ValueId x, ValueId scale, ValueId bias, int64_t groups, double epsilon);
  ValueId layer_norm(ValueId x, ValueId scale, ValueId bias, double epsilon);
  ValueId softmax(ValueId x, int64_t axis = -1);
  ValueId argmax(ValueId x, int64_t axis, bool keepdims = false);
  struct AttentionOptions {
    int64_t heads = 1;
    double scale = 0;  // 0: 1 / sqrt(width of a head)
    bool causal = false;
    ValueId mask = kAbsent;
  };
  // q [b, t, heads * d], k [b, s, heads * d], v [b, s, heads * e] -> [b, t, heads * e].
  ValueId attention(ValueId q, ValueId k, ValueId v, const AttentionOptions& options);

 private:
  std::string path_;
  std::map<std::string, ValueId> weights_;
};

}  // namespace tempera::graph
