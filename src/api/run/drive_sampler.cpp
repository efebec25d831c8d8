#include "api/run/drive_sampler.h"

#include <algorithm>

#include "diffusion/samplers/add_noise.h"
#include "diffusion/samplers/drive.h"
#include "tensor_file/safetensors.h"

namespace tempera::api {
namespace {

Result<Tensor> load(const SafetensorsFile& file, const std::string& path, const char* name) {
  const TensorInfo* info = file.find(name);
  if (info == nullptr)
    return error(ErrorCode::not_found, "{}: no tensor {}, which driving this sampler takes", path,
                 name);
  if (info->dtype != DType::f32)
    return error(ErrorCode::invalid_argument, "{}: {} is not f32", path, name);
  return file.load(*info);
}

std::vector<float> values(const Tensor& tensor) {
  const auto span = tensor.as<float>();
  return {span.begin(), span.end()};
}

// `start` at the plan's level; with a strength, added to the original.
Result<std::vector<float>> first_sample(const diffusion::SamplerPlan& plan, bool has_strength,
                                        const SafetensorsFile& file, const std::string& path) {
  ASSIGN_OR_RETURN(const Tensor start, load(file, path, "start"));
  std::vector<float> sample = values(start);
  if (!has_strength) {
    for (float& value : sample) value *= plan.init_noise_sigma;
    return sample;
  }
  ASSIGN_OR_RETURN(const Tensor original, load(file, path, "original"));
  if (original.shape != start.shape)
    return error(ErrorCode::invalid_argument, "{}: original is {}, start is {}", path,
                 to_string(original.shape), to_string(start.shape));
  diffusion::add_noise(plan, 0, original.as<float>(), sample, sample);
  return sample;
}

Tensor tensor_of(Shape shape, std::span<const float> from) {
  Tensor tensor(DType::f32, std::move(shape));
  std::ranges::copy(from, tensor.as<float>().begin());
  return tensor;
}

Tensor tensor_of(std::span<const float> from) {
  return tensor_of({static_cast<int64_t>(from.size())}, from);
}

Tensor stack(const std::vector<std::vector<float>>& samples, Shape shape) {
  std::vector<float> all;
  for (const auto& sample : samples) all.insert(all.end(), sample.begin(), sample.end());
  shape.insert(shape.begin(), static_cast<int64_t>(samples.size()));
  return tensor_of(std::move(shape), all);
}

}  // namespace

Status drive_sampler(const SamplerQuestion& question, const std::string& scheduler_config,
                     const std::string& inputs, const std::string& output) {
  ASSIGN_OR_RETURN(const diffusion::SamplerPlan plan, plan_sampler(question, scheduler_config));
  ASSIGN_OR_RETURN(const SafetensorsFile file, SafetensorsFile::open(inputs));
  ASSIGN_OR_RETURN(std::vector<float> first,
                   first_sample(plan, question.strength.has_value(), file, inputs));
  std::vector<float> noises;
  if (!plan.draws.empty()) {
    ASSIGN_OR_RETURN(const Tensor given, load(file, inputs, "noises"));
    noises = values(given);
  }
  const Shape shape = file.find("start")->shape;
  const Tensor before = tensor_of(shape, first);
  ASSIGN_OR_RETURN(const auto samples, diffusion::drive(plan, std::move(first), noises));
  const Tensor after = stack(samples, shape);
  const Tensor timesteps = tensor_of(plan.timesteps);
  const Tensor sigmas = tensor_of(plan.sigmas);
  const Tensor initial = tensor_of(std::span(&plan.init_noise_sigma, 1));
  return write_safetensors(
      output, {view("samples", after), view("first", before), view("timesteps", timesteps),
               view("sigmas", sigmas), view("init_noise_sigma", initial)});
}

}  // namespace tempera::api
