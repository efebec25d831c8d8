#include "lower/schedules/group_norm_affine.h"

#include "lower/schedules/group_affine.h"

namespace tempera::lower {

using graph::Group;
using kernel::Config;
using kernel::Expr;
using kernel::Stmt;

namespace {

bool accepts(const Group& group, const Target&) {
  return group.anchor >= 0 && group.body.node(group.anchor).op == graph::Op::group_norm_affine;
}

std::vector<Config> space(const Group&, const Target&) { return {Config{}}; }

Result<Program> build(const Group& group, const Target& target, const Config&) {
  const Shape& shape = group.body.value(group.body.node(group.anchor).outputs[0]).shape;
  const auto lanes = static_cast<int>(target.lanes(4));
  const GroupAffine affine(group, lanes);
  GroupAccess access(group);
  const kernel::Buffer scratch =
      kernel::make_buffer("affine", {DType::f32, 1}, kernel::Space::workgroup, affine.size());
  const Stmt body = kernel::grid("image", number(shape[0]), [&](const Expr& image) {
    const Stmt results =
        vectors("channel", shape[1], lanes, [&](const Expr& channels, const Expr& mask) {
          Index index(shape.size(), Expr(0));
          index[0] = image;
          index[1] = channels;
          const auto result = [&](int i) {
            return affine.result_at(scratch, 0, i, channels, mask);
          };
          return access.store_results(index, {result(0), result(1)}, mask);
        });
    return kernel::allocate(scratch,
                            kernel::block({affine.compute(access, scratch, image), results}));
  });
  Program program;
  program.main.push_back(access.launch("group_norm_affine", body));
  return program;
}

}  // namespace

const Schedule kGroupNormAffine = {"group_norm_affine",
                                   "group norm's factor and term for each channel of an image",
                                   accepts, space, build};

}  // namespace tempera::lower
