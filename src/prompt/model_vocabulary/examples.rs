//! Prompts to begin with, made of words that the model knows.

use super::{ModelVocabulary, ObjectWord};

/// For models that do not say what they know.
const GENERAL: [&str; 5] = [
    "a cat to the left of a dog",
    "a red balloon above a green car",
    "two birds to the right of a tree",
    "a big teapot and a small cup",
    "a clock above a sofa, a lamp to the right of the sofa",
];

/// A few prompts that show what can be asked for; the first one is a plain relation.
///
/// Those of a model with a vocabulary are made of its words, each with objects of its own
/// as far as there are enough, and only those in which the model knows every word.
pub fn example_prompts(vocabulary: Option<&ModelVocabulary>) -> Vec<String> {
    match vocabulary.filter(|vocabulary| vocabulary.names_words()) {
        Some(vocabulary) => Words::new(vocabulary).prompts(),
        None => GENERAL.map(str::to_owned).to_vec(),
    }
}

/// Goes through a vocabulary's words, one after the other.
struct Words<'a> {
    vocabulary: &'a ModelVocabulary,
    objects: Box<dyn Iterator<Item = &'a ObjectWord> + 'a>,
    colours: Box<dyn Iterator<Item = &'a str> + 'a>,
}

impl<'a> Words<'a> {
    fn new(vocabulary: &'a ModelVocabulary) -> Self {
        let colours = vocabulary.colours.iter().map(String::as_str).cycle();
        Self {
            vocabulary,
            objects: Box::new(vocabulary.objects.iter().cycle()),
            // Not always red first.
            colours: Box::new(colours.skip(vocabulary.colours.len() / 2)),
        }
    }

    fn prompts(mut self) -> Vec<String> {
        let mut prompts = Vec::new();
        if let [first, second, ..] = &self.vocabulary.objects[..] {
            prompts.push(pair(&[&first.word], "to the left of", &[&second.word]));
        }
        let makers = [
            Self::colour_beside,
            Self::several,
            Self::sizes,
            Self::colours,
            Self::three,
        ];
        prompts.extend(makers.into_iter().filter_map(|make| make(&mut self)));
        prompts.retain(|prompt| self.is_known(prompt));
        prompts
    }

    /// Whether the model knows every word of a prompt; those here need no tokenizer.
    fn is_known(&self, prompt: &str) -> bool {
        let mut words = prompt.split([' ', ',']);
        words.all(|word| self.vocabulary.knows(word))
    }

    /// The next objects; none where there are not so many different ones.
    fn different<const N: usize>(&mut self) -> Option<[&'a str; N]> {
        let are_enough = self.vocabulary.objects.len() >= N;
        are_enough.then(|| {
            std::array::from_fn(|_| {
                let next = self.objects.next();
                next.map_or("", |object| object.word.as_str())
            })
        })
    }

    /// The first word for a size or number.
    fn size(&self, meaning: &str) -> Option<&'a str> {
        let words = self.vocabulary.sizes.get(meaning)?;
        words.first().map(String::as_str)
    }

    fn colour_beside(&mut self) -> Option<String> {
        let [subject, object] = self.different()?;
        let colour = self.colours.next()?;
        Some(pair(&[subject], "to the left of", &[colour, object]))
    }

    fn several(&mut self) -> Option<String> {
        let numbers = &self.vocabulary.numbers;
        let most = self.vocabulary.most_objects.unwrap_or(usize::MAX);
        let number = numbers.iter().find(|it| (2..=most).contains(&it.count))?;
        let plural = self.objects.next()?.plural.as_deref()?;
        Some(format!("{} {plural}", number.word))
    }

    fn sizes(&mut self) -> Option<String> {
        let (big, small) = (self.size("big")?, self.size("small")?);
        let [a, b] = self.different()?;
        Some(pair(&[big, a], "and", &[small, b]))
    }

    fn colours(&mut self) -> Option<String> {
        let [above, below] = self.different()?;
        let (first, second) = (self.colours.next()?, self.colours.next()?);
        Some(pair(&[first, above], "above", &[second, below]))
    }

    fn three(&mut self) -> Option<String> {
        if self.vocabulary.most_objects.is_some_and(|most| most < 3) {
            return None;
        }
        let [a, b, c] = self.different()?;
        let first = pair(&[a], "above", &[b]);
        Some(format!(
            "{first}, {} to the right of the {b}",
            with_article(&[c])
        ))
    }
}

fn pair(subject: &[&str], between: &str, object: &[&str]) -> String {
    format!(
        "{} {between} {}",
        with_article(subject),
        with_article(object)
    )
}

/// “a red apple”, “an apple”.
fn with_article(words: &[&str]) -> String {
    let text = words.join(" ");
    let article = match text.starts_with(['a', 'e', 'i', 'o', 'u']) {
        true => "an",
        false => "a",
    };
    format!("{article} {text}")
}
