#include "lower/schedules/contraction_direct.h"

#include <algorithm>

#include "graph/geometry.h"
#include "lower/group_access.h"
#include "lower/index_map.h"
#include "lower/schedules/accumulator.h"
#include "lower/schedules/iterate.h"
#include "lower/schedules/vectorize.h"

namespace tempera::lower {

using graph::Group;
using graph::Node;
using graph::Op;
using graph::Value;
using kernel::Config;
using kernel::Expr;
using kernel::Stmt;
using kernel::Type;

namespace {

// The factors of one product of the sum, and where the first of them exists at all (undefined:
// everywhere).
struct Product {
  Index left, right;
  Expr inside;
};

Expr both(const Expr& a, const Expr& b) {
  if (!a.defined()) return b;
  return b.defined() ? a && b : a;
}

bool has_lanes(const Index& index) {
  return std::any_of(index.begin(), index.end(),
                     [](const Expr& e) { return !e->type.is_scalar(); });
}

// The contracted dimensions of a conv: channels of a group, then the kernel's.
Shape summed_shape(const Group& group, const Node& node) {
  const Shape& right = group.body.value(node.inputs[1]).shape;
  if (node.op == Op::conv) return Shape(right.begin() + 1, right.end());
  if (node.op == Op::conv_transpose) {
    Shape summed(right.begin() + 1, right.end());
    summed[0] = right[0] / graph::int_attribute(node, "groups");
    return summed;
  }
  return {group.body.value(node.inputs[0]).shape.back()};
}

Product conv_product(const Group& group, const Node& node, const Index& output,
                     const Index& summed) {
  const Shape& x = group.body.value(node.inputs[0]).shape;
  const Shape& weight = group.body.value(node.inputs[1]).shape;
  const graph::ConvGeometry geometry = graph::conv_geometry(node.attributes, x.size() - 2);
  Product product{{output[0], summed[0]}, {output[1]}, {}};
  if (geometry.groups > 1)
    product.left[1] =
        output[1] / number(weight[0] / geometry.groups) * number(weight[1]) + summed[0];
  product.right.insert(product.right.end(), summed.begin(), summed.end());
  for (size_t d = 0; d + 2 < x.size(); ++d) {
    const Expr place = output[d + 2] * number(geometry.strides[d]) +
                       summed[d + 1] * number(geometry.dilations[d]) -
                       number(geometry.pads_before[d]);
    product.left.push_back(place);
    if (geometry.pads_before[d] == 0 && geometry.pads_after[d] == 0) continue;
    product.inside = both(product.inside, within(place, x[d + 2]));
  }
  return product;
}

// An output place meets tap k in the input place (place + pad - k * dilation) / stride, if that is
// one.
Product conv_transpose_product(const Group& group, const Node& node, const Index& output,
                               const Index& summed) {
  const Shape& x = group.body.value(node.inputs[0]).shape;
  const Shape& weight = group.body.value(node.inputs[1]).shape;
  const graph::ConvGeometry geometry = graph::conv_geometry(node.attributes, x.size() - 2);
  const Expr channel =
      geometry.groups == 1
          ? summed[0]
          : output[1] / number(weight[1]) * number(weight[0] / geometry.groups) + summed[0];
  Product product{{output[0], channel},
                  {channel, geometry.groups == 1 ? output[1] : output[1] % number(weight[1])},
                  {}};
  product.right.insert(product.right.end(), summed.begin() + 1, summed.end());
  for (size_t d = 0; d + 2 < x.size(); ++d) {
    const Expr spread = output[d + 2] + number(geometry.pads_before[d]) -
                        summed[d + 1] * number(geometry.dilations[d]);
    const Expr place = spread / number(geometry.strides[d]);
    product.left.push_back(place);
    product.inside = both(product.inside, within(place, x[d + 2]));
    if (geometry.strides[d] > 1)
      product.inside = product.inside && spread % number(geometry.strides[d]) == Expr(0);
  }
  return product;
}

// Leading dimensions of an operand of a matmul for those of its result.
Index batch_index(const Shape& operand, size_t matrix_rank, const Shape& batch,
                  const Index& index) {
  if (operand.size() < matrix_rank) return {};
  return broadcast_index(Shape(operand.begin(), operand.end() - matrix_rank), batch, index);
}

Product matmul_product(const Group& group, const Node& node, const Index& output, const Expr& k) {
  const Shape& a = group.body.value(node.inputs[0]).shape;
  const Shape& b = group.body.value(node.inputs[1]).shape;
  const Shape& result = group.body.value(node.outputs[0]).shape;
  const size_t matrix = (a.size() > 1 ? 1 : 0) + (b.size() > 1 ? 1 : 0);
  const Shape batch(result.begin(), result.end() - matrix);
  const Index lead(output.begin(), output.end() - matrix);
  Product product{batch_index(a, 2, batch, lead), batch_index(b, 2, batch, lead), {}};
  if (a.size() > 1) product.left.push_back(output[batch.size()]);
  product.left.push_back(k);
  product.right.push_back(k);
  if (b.size() > 1) product.right.push_back(output.back());
  return product;
}

class Builder {
 public:
  Builder(const Group& group, const Target& target)
      : group_(group),
        access_(group),
        node_(group.body.node(group.anchor)),
        output_(group.body.value(node_.outputs[0])),
        summed_(summed_shape(group, node_)) {
    const Value& stored = group.body.value(group.body.outputs()[0].value);
    const std::vector<int> order = memory_order(stored.shape == output_.shape ? stored : output_);
    for (const int d : order)
      if (output_.shape[d] > 1) vector_ = d;
    for (const int d : order)
      if (d != vector_) others_.push_back(d);
    if (vector_ >= 0) lanes_ = fit_lanes(target, output_.shape[vector_]);
    type_ = {sum_dtype(), lanes_};
  }

  Launch build(int64_t work) {
    const int64_t vectors = vector_ < 0 ? 1 : divide_up(output_.shape[vector_], lanes_);
    const int64_t count = product(output_.shape, others_) * vectors;
    const int64_t products = std::max<int64_t>(1, element_count(summed_) * lanes_);
    const int64_t block = std::clamp<int64_t>(work / products, 1, std::max<int64_t>(count, 1));
    Stmt body = grid_blocks("output", count, block, [&](Expr i) {
      const Expr other = vectors == 1 ? i : i / number(vectors);
      return let_spread(
          other, output_.shape, others_, Index(output_.shape.size(), Expr(0)), [&](Index index) {
            if (vector_ < 0) return one(index, {});
            const Expr first = vectors == 1 ? Expr(0) : i % number(vectors) * lanes_;
            index[vector_] = kernel::ramp(first, 1, lanes_);
            const int64_t extent = output_.shape[vector_];
            return one(index, extent % lanes_ == 0 ? Expr() : index[vector_] < number(extent));
          });
    });
    return access_.launch("contraction_direct", std::move(body));
  }

 private:
  DType sum_dtype() const {
    if (!is_float(output_.dtype)) return DType::i64;
    const bool wide = std::any_of(node_.inputs.begin(), node_.inputs.end(), [&](graph::ValueId id) {
      return id != graph::kAbsent && group_.body.value(id).dtype == DType::f64;
    });
    return wide || output_.dtype == DType::f64 ? DType::f64 : DType::f32;
  }

  Expr wide(const Expr& x) const {
    const Expr value = cast(type_.dtype, x);
    return value->type.lanes == lanes_ ? value : kernel::broadcast(value, lanes_);
  }

  // A place that has no lanes is there for all of them or none: then only `inside` may switch it
  // off.
  Expr operand(graph::ValueId value, const Index& index, const Expr& inside, const Expr& mask) {
    return wide(access_.value_at(value, index, has_lanes(index) ? both(inside, mask) : inside));
  }

  Stmt one(const Index& output, const Expr& mask) {
    const Sum sum("sum", type_);
    Stmt loops =
        nest(0, {}, [&](const Index& summed) { return add(sum, output, summed, mask); }, sum);
    Expr result = sum.get() + sum.low.get();
    if (node_.op != Op::matmul && node_.inputs.size() > 2 && node_.inputs[2] != graph::kAbsent)
      result = result + operand(node_.inputs[2], {output[1]}, {}, mask);
    return with_registers(
        {sum.low, sum.high},
        kernel::block({sum.reset(), loops,
                       access_.store_results(output, {cast(output_.dtype, result)}, mask)}));
  }

  // Loops over the summed dimensions; what the inner ones add is carried over in every turn of the
  // outermost.
  Stmt nest(size_t depth, const Index& summed, const std::function<Stmt(const Index&)>& body,
            const Sum& sum) const {
    if (depth == summed_.size()) return body(summed);
    return kernel::serial("k" + std::to_string(depth), number(summed_[depth]), [&](Expr k) {
      Index inner = summed;
      inner.push_back(summed_[depth] == 1 ? Expr(0) : k);
      Stmt rest = nest(depth + 1, inner, body, sum);
      return depth == 0 && summed_.size() > 1 ? kernel::block({rest, sum.carry()}) : rest;
    });
  }

  Product product_of(const Index& output, const Index& summed) const {
    if (node_.op == Op::conv) return conv_product(group_, node_, output, summed);
    if (node_.op == Op::conv_transpose)
      return conv_transpose_product(group_, node_, output, summed);
    return matmul_product(group_, node_, output, summed[0]);
  }

  Stmt add(const Sum& sum, const Index& output, const Index& summed, const Expr& mask) {
    const Product product = product_of(output, summed);
    const Expr left =
        masked(product.inside, operand(node_.inputs[0], product.left, product.inside, mask),
               kernel::constant(type_, 0));
    const Expr right = operand(node_.inputs[1], product.right, {}, mask);
    if (is_float(type_.dtype)) return sum.low.set(fma(left, right, sum.low.get()));
    return sum.low.set(sum.low.get() + left * right);
  }

  const Group& group_;
  GroupAccess access_;
  const Node& node_;
  Value output_;
  Shape summed_;
  std::vector<int> others_;
  int vector_ = -1;
  int lanes_ = 1;
  Type type_;
};

bool accepts(const Group& group, const Target&) {
  if (group.anchor < 0) return false;
  return graph::row(group.body.node(group.anchor).op).op_class == graph::OpClass::contraction;
}

std::vector<Config> space(const Group&, const Target&) {
  return choices("work", {65536, 8192, 524288});
}

Result<Program> build(const Group& group, const Target& target, const Config& config) {
  Program program;
  program.main.push_back(Builder(group, target).build(config.at("work")));
  return program;
}

}  // namespace

const Schedule kContractionDirect = {"contraction_direct",
                                     "any matmul or convolution, a vector of outputs at a time",
                                     accepts, space, build};

}  // namespace tempera::lower
