#include "diffusion/pipeline.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "diffusion/latents.h"
#include "diffusion/random.h"

namespace tempera::diffusion {
namespace {

// A vocabulary of 26 letters within and at the end of words, 26 to 51, then begin and end.
Tokenizer letters() {
  Json vocab = Json::object();
  for (char c = 'a'; c <= 'z'; ++c) vocab[std::string(1, c)] = c - 'a';
  for (char c = 'a'; c <= 'z'; ++c) vocab[std::string(1, c) + "</w>"] = 26 + c - 'a';
  vocab["<begin>"] = 52;
  vocab["<end>"] = 53;
  BytePairs pairs = BytePairs::make(vocab, "", "<end>", "test").value();
  return Tokenizer(std::move(pairs), {}, {.begin_id = 52, .end_id = 53, .pad_id = 53});
}

constexpr int64_t kTokens = 4;
constexpr size_t kLatentSize = 24;  // of a picture of 24 x 16

// A model whose parts are simple enough to compute by hand: the context of a row is its second
// token, the noise is x / 2 + token + timestep / 1000, a picture is its latent's first channels.
struct FakeModel {
  Tokenizer tokenizer = letters();
  Tensor context;
  std::vector<float> timesteps;
  std::string kinds;  // of the calls: P prompt alone, G guided, small letters: shallow
  std::vector<std::vector<float>> decoded;
  int64_t encoded_rows = 0;

  ModelSettings settings() const {
    ModelSettings settings;
    settings.tokenizer = tokenizer;
    settings.text_tokens = kTokens;
    settings.scaling_factor = 0.5;
    settings.scheduler.beta_start = 0.00085;
    settings.scheduler.beta_end = 0.012;
    settings.scheduler.beta_schedule = BetaSchedule::scaled_linear;
    settings.scheduler.steps_offset = 1;
    settings.scheduler.clip_sample = false;
    return settings;
  }

  Components components() {
    return {.encode = [this](const Tensor& ids, int64_t) { return encode(ids); },
            .bind_context =
                [this](const Tensor& tensor) {
                  context = tensor;
                  return Status();
                },
            .denoise = [this](const ModelCall& call, auto output) { return denoise(call, output); },
            .decode = [this](auto latent, auto planes) { return decode(latent, planes); }};
  }

  Result<Tensor> encode(const Tensor& ids) {
    encoded_rows = ids.shape[0];
    Tensor result(DType::f32, {ids.shape[0], kTokens, 1});
    std::ranges::copy(ids.as<int32_t>(), result.as<float>().begin());
    return result;
  }

  Status denoise(const ModelCall& call, std::span<float> output) {
    timesteps.push_back(call.timestep);
    const size_t rows = output.size() / kLatentSize;
    kinds +=
        static_cast<char>((call.kind.guided ? 'G' : 'P') + (call.kind.shallow ? 'a' - 'A' : 0));
    const auto tokens = context.as<float>().last(rows * kTokens);
    for (size_t i = 0; i < output.size(); ++i)
      output[i] = call.sample[i % call.sample.size()] / 2 + tokens[i / kLatentSize * kTokens + 1] +
                  call.timestep / 1000;
    return {};
  }

  Status decode(std::span<const float> latent, std::span<float> planes) {
    decoded.emplace_back(latent.begin(), latent.end());
    std::ranges::fill(planes, latent[0]);
    return {};
  }
};

PictureRequest request(std::vector<uint64_t> seeds = {7}) {
  PictureRequest request;
  request.prompt = "b";
  request.negative_prompt = "d";
  request.width = 24;
  request.height = 16;
  request.seeds = std::move(seeds);
  request.sampler = {.sampler = "euler_a", .steps = 3};
  return request;
}

Result<Pictures> draw(const PictureRequest& request, const ModelSettings& model,
                      const Components& components, const ProgressFunction& progress = {}) {
  ASSIGN_OR_RETURN(const PicturePlan plan, plan_pictures(request, model));
  return make_pictures(request, model, plan, components, progress);
}

Pictures run(const PictureRequest& request) {
  FakeModel model;
  return draw(request, model.settings(), model.components()).value();
}

std::vector<float> values(const Tensor& tensor) {
  return {tensor.as<float>().begin(), tensor.as<float>().end()};
}

TEST(PictureRequest, PutsTheNegativePromptFirstAndRepeatsRowsForPictures) {
  FakeModel model;
  const Pictures pictures = draw(request({7, 8}), model.settings(), model.components()).value();
  EXPECT_EQ(model.encoded_rows, 2);
  EXPECT_EQ(model.context.shape, (Shape{4, kTokens, 1}));
  // begin, the letter at a word's end, end, padding
  const std::vector<float> b = {52, 27, 53, 53}, d = {52, 29, 53, 53};
  std::vector<float> want;
  for (const auto& row : {d, d, b, b}) want.insert(want.end(), row.begin(), row.end());
  EXPECT_EQ(values(model.context), want);
  EXPECT_EQ(pictures.latents.shape, (Shape{2, 4, 2, 3}));
  EXPECT_EQ(pictures.images.size(), 2u);
  EXPECT_EQ(pictures.images[0].width, 24);
  EXPECT_EQ(pictures.images[0].height, 16);
}

TEST(PictureRequest, StepsAsTheSamplerDoesWithGuidanceAndEachPicturesOwnNoise) {
  const PictureRequest asked = request({7, 8});
  const Pictures pictures = run(asked);
  const SamplerPlan plan = plan_pictures(asked, FakeModel().settings())->sampler;
  for (size_t picture = 0; picture < 2; ++picture) {
    TorchCpuGenerator generator(asked.seeds[picture]);
    std::vector<float> x(24), scaled(24), output(24), noise(24);
    generator.normal(x);
    for (float& value : x) value *= plan.init_noise_sigma;
    SamplerState state = make_sampler_state(plan, x.size());
    for (size_t call = 0; call < plan.timesteps.size(); ++call) {
      scale_input(plan, call, x, scaled);
      for (size_t i = 0; i < x.size(); ++i) {
        const float rest = scaled[i] / 2 + plan.timesteps[call] / 1000;
        output[i] = rest + 29 + 7.5f * (27 - 29);
      }
      generator.normal(noise);
      sampler_step(plan, {call, output, noise}, state, x);
    }
    const auto got = pictures.latents.as<float>().subspan(picture * 24, 24);
    for (size_t i = 0; i < x.size(); ++i) EXPECT_NEAR(got[i], x[i], 1e-4 * (1 + std::abs(x[i])));
  }
}

TEST(PictureRequest, APictureDoesNotDependOnItsBatch) {
  const std::vector<float> both = values(run(request({7, 8})).latents);
  EXPECT_EQ(values(run(request({8})).latents), std::vector<float>(both.begin() + 24, both.end()));
}

TEST(PictureRequest, RunsNoSecondHalfWithoutGuidance) {
  FakeModel model;
  PictureRequest asked = request();
  asked.guidance_scale = 1.0;
  ASSERT_TRUE(draw(asked, model.settings(), model.components()).ok());
  EXPECT_EQ(model.context.shape, (Shape{1, kTokens, 1}));
  EXPECT_EQ(values(model.context), (std::vector<float>{52, 27, 53, 53}));
}

std::string kinds_of(const PictureRequest& asked) {
  FakeModel model;
  const auto result = draw(asked, model.settings(), model.components());
  return result.ok() ? model.kinds : result.error().message;
}

TEST(PictureRequest, RunsTheNegativePromptInAPartOfTheStepsOnly) {
  PictureRequest asked = request();
  asked.sampler = {.sampler = "euler", .steps = 10};
  const std::vector<float> plain = values(run(asked).latents);
  EXPECT_EQ(kinds_of(asked), "GGGGGGGGGG");
  asked.saving = {.guidance_from = 0.2, .guidance_to = 0.7};
  EXPECT_EQ(kinds_of(asked), "PPGGGGGPPP");
  asked.guidance_scale = 1 + 1e-9;  // guidance that changes nothing: as the prompt alone
  PictureRequest alone = request();
  alone.sampler = asked.sampler;
  alone.guidance_scale = 1;
  const std::vector<float> want = values(run(alone).latents), got = values(run(asked).latents);
  for (size_t i = 0; i < want.size(); ++i) EXPECT_NEAR(got[i], want[i], 1e-4);
  EXPECT_NE(plain, want);
}

TEST(PictureRequest, ReusesTheDeepPartAndComputesItAnewWhereTheRowsChange) {
  PictureRequest asked = request();
  asked.sampler = {.sampler = "euler", .steps = 10};
  asked.saving.deep_cache = 3;
  EXPECT_EQ(kinds_of(asked), "GggGggGggG");
  asked.saving.guidance_from = 0.2;
  asked.saving.guidance_to = 0.7;
  EXPECT_EQ(kinds_of(asked), "PpGggGgPpp");
}

TEST(PictureRequest, RefusesSavingsThatMakeNoSense) {
  PictureRequest asked = request();
  asked.saving.guidance_from = 0.5;
  asked.saving.guidance_to = 0.5;
  EXPECT_EQ(kinds_of(asked),
            "guidance from 0.5 to 0.5 is no part of the steps; 0 <= from < to <= 1 is needed");
  asked.saving.guidance_to = 0.8;
  asked.guidance_scale = 1;
  EXPECT_EQ(kinds_of(asked), "--guidance-from and --guidance-to need a guidance scale above 1");
  asked.saving = {.deep_cache = 0};
  EXPECT_EQ(kinds_of(asked), "--deep-cache 0 is not within 1 to 1000");
  asked.saving = {.token_merging = {.ratio = 0.8}};
  EXPECT_EQ(kinds_of(asked), "--token-merging-ratio 0.8 is not within 0 to 0.75");
  asked.saving = {.token_merging = {.ratio = 0.5, .max_downsample = 3}};
  EXPECT_EQ(kinds_of(asked), "--token-merging-max-downsample 3 is not 1, 2, 4 or 8");
  asked.saving = {.token_merging = {.mlp = true}};
  EXPECT_EQ(kinds_of(asked),
            "--token-merging-max-downsample, --token-merging-crossattn and --token-merging-mlp "
            "need a --token-merging-ratio above 0");
}

TEST(PictureRequest, TakesInitialLatentsInThePlaceOfTheFirstNoise) {
  PictureRequest asked = request();
  asked.sampler.sampler = "ddim";
  const std::vector<float> noise = [] {
    std::vector<float> values(24);
    TorchCpuGenerator(7).normal(values);
    return values;
  }();
  const std::vector<float> want = values(run(asked).latents);
  asked.initial_latents = noise;
  asked.seeds = {99};
  EXPECT_EQ(values(run(asked).latents), want);
}

TEST(PictureRequest, DecodesLatentsDividedByTheScalingFactor) {
  FakeModel model;
  const Pictures pictures = draw(request(), model.settings(), model.components()).value();
  EXPECT_FLOAT_EQ(model.decoded.at(0).at(5), pictures.latents.as<float>()[5] / 0.5f);
}

TEST(PictureRequest, KeepsTheLatentsOfEveryCall) {
  PictureRequest asked = request();
  asked.keep_steps = true;
  asked.sampler = {.sampler = "plms", .steps = 3};
  const Pictures pictures = run(asked);
  ASSERT_EQ(pictures.step_latents.size(), 4u) << "plms calls the model once more";
  EXPECT_EQ(values(pictures.step_latents.back()), values(pictures.latents));
  EXPECT_TRUE(run(request()).step_latents.empty());
}

TEST(PictureRequest, StopsWhereTheCallerSaysSo) {
  FakeModel model;
  const auto stop = [](const Progress& progress) {
    return progress.stage != Stage::denoise || progress.done < 2;
  };
  const auto result = draw(request(), model.settings(), model.components(), stop);
  EXPECT_EQ(result.error().code, ErrorCode::cancelled);
  EXPECT_EQ(model.timesteps.size(), 2u);
}

TEST(PictureRequest, ReportsEveryStage) {
  FakeModel model;
  std::vector<std::string> seen;
  const auto note = [&](const Progress& progress) {
    seen.push_back(
        fmt::format("{}:{}/{}", static_cast<int>(progress.stage), progress.done, progress.total));
    return true;
  };
  ASSERT_TRUE(draw(request(), model.settings(), model.components(), note).ok());
  EXPECT_EQ(seen, (std::vector<std::string>{"0:0/2", "0:2/2", "1:0/3", "1:1/3", "1:2/3", "1:3/3",
                                            "2:0/1", "2:1/1"}));
}

TEST(PictureRequest, TellsWhatThePictureIsByNowWhereItIsAsked) {
  FakeModel model;
  PictureRequest asked = request();
  asked.sampler = {.sampler = "euler", .steps = 3};
  std::vector<float> original;
  const auto note = [&](const Progress& progress) {
    EXPECT_EQ(progress.original != nullptr, progress.stage == Stage::denoise && progress.done > 0);
    if (progress.original) {
      const auto now = progress.original();
      original.assign(now.begin(), now.end());
    }
    return true;
  };
  const auto pictures = draw(asked, model.settings(), model.components(), note);
  ASSERT_TRUE(pictures.ok()) << pictures.error().message;
  const std::vector<float> last = values(pictures->latents);
  ASSERT_EQ(original.size(), last.size());
  for (size_t i = 0; i < last.size(); ++i)
    EXPECT_NEAR(original[i], last[i], 1e-3) << "euler's last step goes there";
}

TEST(PictureRequest, RefusesWhatMakesNoSenseBeforeAnyWork) {
  FakeModel model;
  const auto message = [&](const PictureRequest& asked) {
    return draw(asked, model.settings(), model.components()).error().message;
  };
  PictureRequest asked = request();
  asked.width = 20;
  EXPECT_EQ(message(asked), "the size 20x16 is not a multiple of 8");
  asked = request();
  asked.initial_latents.resize(5);
  EXPECT_EQ(message(asked), "the initial latents hold 5 values, [1, 4, 2, 3] needs 24");
  asked = request();
  asked.guidance_scale = NAN;
  EXPECT_EQ(message(asked), "the guidance scale nan is not a finite number");
  EXPECT_EQ(model.encoded_rows, 0);
}

TEST(PictureRequest, WeighsHiddenStatesAndRestoresTheirMean) {
  FakeModel model;
  PictureRequest asked = request();
  asked.guidance_scale = 1;
  asked.prompt = "(b:2)";
  asked.prompts.language = PromptLanguage::a1111;
  ASSERT_TRUE(draw(asked, model.settings(), model.components()).ok());
  const float factor = (52.0f + 27 + 53 + 53) / (52 + 2 * 27 + 53 + 53);
  const std::vector<float> want = {52 * factor, 54 * factor, 53 * factor, 53 * factor};
  EXPECT_EQ(values(model.context), want);
  asked.prompts.language = PromptLanguage::plain;
  ASSERT_TRUE(draw(asked, model.settings(), model.components()).ok());
  EXPECT_EQ(values(model.context)[0], 52) << "plain brackets weigh nothing";
}

TEST(PictureRequest, CombinesPartsByTheirWeights) {
  PictureRequest asked = request({7, 8});
  asked.prompts.language = PromptLanguage::a1111;
  const std::vector<float> plain = values(run(asked).latents);
  asked.prompt = "b AND b :2 AND b:-2";
  const std::vector<float> equal = values(run(asked).latents);
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(equal[i], plain[i], 1e-3);
  asked.prompt = "b AND d AND d:-1";  // d is the negative prompt itself
  const std::vector<float> same = values(run(asked).latents);
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(same[i], plain[i], 1e-3);
  asked.prompt = "b AND c";
  EXPECT_NE(values(run(asked).latents), plain);
}

// As in the webui's reconstruct_multicond_batch.
TEST(PictureRequest, LetsAShorterPartGoOnWithItsLastHiddenState) {
  FakeModel model;
  PictureRequest asked = request();
  asked.prompts.language = PromptLanguage::a1111;
  asked.prompt = "b c d AND b";
  ASSERT_TRUE(draw(asked, model.settings(), model.components()).ok());
  const std::vector<float> got = values(model.context);
  ASSERT_EQ(got.size(), 24u);
  EXPECT_TRUE(std::equal(got.begin(), got.begin() + 4, got.begin() + 4)) << "repeated whole";
  const std::vector<float> shorter(got.end() - 8, got.end());
  EXPECT_EQ(shorter, (std::vector<float>{52, 27, 53, 53, 53, 53, 53, 53}));
}

TEST(PictureRequest, MeasuresPartsFromTheNegativePromptAtAnyScale) {
  PictureRequest asked = request();
  asked.prompts.language = PromptLanguage::a1111;
  asked.guidance_scale = 1;
  asked.prompt = "b:0.5 AND b:0.5";
  EXPECT_EQ(kinds_of(asked), "GGG");
  const std::vector<float> parts = values(run(asked).latents);
  asked.prompt = "b";
  EXPECT_EQ(kinds_of(asked), "PPP");
  const std::vector<float> plain = values(run(asked).latents);
  for (size_t i = 0; i < plain.size(); ++i) EXPECT_NEAR(parts[i], plain[i], 1e-3);
}

// The letter of the prompt at each model call, and at each binding of a context.
struct Letters {
  std::string calls, bound;
};
Letters letters_of(PictureRequest asked) {
  FakeModel model;
  asked.guidance_scale = 1;
  Letters letters;
  Components components = model.components();
  components.bind_context = [&](const Tensor& context) {
    model.context = context;
    letters.bound += static_cast<char>('a' + static_cast<int>(context.as<float>()[1]) - 26);
    return Status();
  };
  components.denoise = [&](const ModelCall& call, std::span<float> output) {
    letters.calls += letters.bound.back();
    return model.denoise(call, output);
  };
  const auto result = draw(asked, model.settings(), components);
  EXPECT_TRUE(result.ok()) << result.error().message;
  return letters;
}

TEST(PictureRequest, BindsAContextWhereTheTextsChange) {
  for (const auto& [sampler, calls] : std::map<std::string, std::string>{
           {"euler", "bbcc"}, {"plms", "bbbcc"}, {"heun", "bbbbccc"}}) {
    PictureRequest asked = request();
    asked.prompt = "[b:c:0.5]";
    asked.sampler = {.sampler = sampler, .steps = 4};
    const Letters letters = letters_of(asked);
    EXPECT_EQ(letters.calls, calls) << sampler;
    EXPECT_EQ(letters.bound, "bc") << "a context that stays is not bound again";
  }
}

// As the webui does, which compares a call's number from 0 with a schedule that counts from 1, over
// twice the steps where a step calls the model twice.
TEST(PictureRequest, SchedulesCountCallsInA1111) {
  for (const auto& [sampler, calls] : std::map<std::string, std::string>{
           {"euler", "bbbccc"}, {"heun", "bbbbbbbcccc"}, {"lms", "bbbccc"}}) {
    PictureRequest asked = request();
    asked.sampler = {.sampler = sampler, .steps = 6, .compat = Compat::a1111};
    asked.prompt = sampler == "heun" ? "[b:c:6]" : "[b:c:2]";
    EXPECT_EQ(letters_of(asked).calls, calls) << sampler;
    asked.prompt = "[b:c:0.5]";
    EXPECT_EQ(letters_of(asked).calls.find('c'), sampler == "heun" ? 7u : 4u) << sampler;
  }
  PictureRequest asked = request();
  asked.sampler = {.sampler = "euler", .steps = 5, .compat = Compat::a1111};
  asked.prompt = "[b|c]";
  EXPECT_EQ(letters_of(asked).calls, "bbcbc");
}

TEST(PictureRequest, ASecondPassGoesOnWithTheSchedule) {
  PictureRequest asked = request();
  asked.sampler = {.sampler = "euler", .steps = 4};
  asked.prompts.steps_before = 4;
  asked.prompt = "[b:c:0.5]";
  EXPECT_EQ(letters_of(asked).calls, "cccc");
  asked.prompt = "[b:c:1.5]";
  EXPECT_EQ(letters_of(asked).calls, "bbcc");
}

// The two texts are one batch of the webui's text encoder.
TEST(PictureRequest, RestoresTheMeanOverAllTextsOfASchedule) {
  FakeModel model;
  PictureRequest asked = request();
  asked.guidance_scale = 1;
  asked.prompt = "[(b:2):c:1]";
  std::vector<float> first;
  Components components = model.components();
  components.bind_context = [&](const Tensor& context) {
    model.context = context;
    if (first.empty()) first = values(context);
    return Status();
  };
  ASSERT_TRUE(draw(asked, model.settings(), components).ok());
  const float rest = 52.0f + 53 + 53;
  const float factor = (2 * rest + 27 + 28) / (2 * rest + 2 * 27 + 28);
  const std::vector<float> second = values(model.context);
  EXPECT_FLOAT_EQ(first[1], 54 * factor);
  EXPECT_FLOAT_EQ(second[1], 28 * factor);
  EXPECT_FLOAT_EQ(second[0], 52 * factor);
}

TEST(PictureRequest, RefusesIdsThatTheTextEncoderDoesNotHave) {
  FakeModel model;
  ModelSettings settings = model.settings();
  settings.vocabulary = 53;
  EXPECT_EQ(draw(request(), settings, model.components()).error().message,
            "the tokenizer gives the id 53, but the text encoder has only 53 tokens; are both of "
            "one model?");
}

TEST(PictureSeeds, CountUpFromASingleOne) {
  const uint64_t last = ~uint64_t{0};
  EXPECT_EQ(picture_seeds({{5}}, 3).value(), (std::vector<uint64_t>{5, 6, 7}));
  EXPECT_EQ(picture_seeds({{last}}, 2).value(), (std::vector<uint64_t>{last, 0}));
  EXPECT_EQ(picture_seeds({{5, 9}}, 2).value(), (std::vector<uint64_t>{5, 9}));
  EXPECT_EQ(picture_seeds({{5, 9}}, 3).error().message,
            "2 seeds for a batch of 3 pictures; give one seed, or one a picture");
}

TEST(ImageFromPlanes, ClampsAndRoundsHalfToEven) {
  // 0.5 * 255 = 127.5 -> 128; the middle of 126 and 127 rounds to 126.
  const std::vector<float> planes = {-2.0f, 0.0f, NAN, -1.0f / 255, 2.0f, 1.0f};
  const Image image = image_from_planes(planes, 2, 1);
  EXPECT_EQ(image.pixels, (std::vector<uint8_t>{0, 0, 255, 128, 127, 255}));
}

}  // namespace
}  // namespace tempera::diffusion
