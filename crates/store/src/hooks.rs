//! What is done once a unit of work is committed, and which of it goes with a savepoint.

/// One of them.
type Hook = Box<dyn FnOnce() + Send>;

/// Hooks in their order, and how many there were at each open savepoint.
#[derive(Default)]
pub(crate) struct Hooks {
    all: Vec<Hook>,
    points: Vec<(&'static str, usize)>,
}

impl Hooks {
    /// Adds one.
    pub(crate) fn add(&mut self, hook: Hook) {
        self.all.push(hook);
    }

    /// Notes that a savepoint was set.
    pub(crate) fn savepoint(&mut self, name: &'static str) {
        self.points.push((name, self.all.len()));
    }

    /// Drops those that were added since the newest savepoint of that name, which stays; those inside it do not.
    pub(crate) fn back_to(&mut self, name: &'static str) {
        if let Some((at, count)) = self.newest(name) {
            self.all.truncate(count);
            self.points.truncate(at + 1);
        }
    }

    /// Forgets the newest savepoint of that name and those inside it.
    pub(crate) fn release(&mut self, name: &'static str) {
        if let Some((at, _)) = self.newest(name) {
            self.points.truncate(at);
        }
    }

    fn newest(&self, name: &str) -> Option<(usize, usize)> {
        let at = self.points.iter().rposition(|(known, _)| *known == name)?;
        self.points.get(at).map(|(_, count)| (at, *count))
    }

    /// Calls them all.
    pub(crate) fn call(self) {
        self.all.into_iter().for_each(|hook| hook());
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[test]
    fn what_goes_back_to_a_savepoint_takes_its_hooks_along() {
        let called = Arc::new(Mutex::new(Vec::new()));
        let hook = |name: &'static str| -> Hook {
            let called = called.clone();
            Box::new(move || called.lock().unwrap().push(name))
        };
        let mut hooks = Hooks::default();
        hooks.add(hook("before"));
        hooks.savepoint("outer");
        hooks.add(hook("outer"));
        hooks.savepoint("inner");
        hooks.add(hook("inner, taken back"));
        hooks.back_to("inner");
        hooks.add(hook("inner"));
        hooks.release("inner");
        // It is open no more.
        hooks.back_to("inner");
        hooks.savepoint("lost");
        hooks.savepoint("lost");
        hooks.add(hook("lost"));
        hooks.release("lost");
        hooks.back_to("lost");
        hooks.add(hook("after"));
        hooks.savepoint("taken back as a whole");
        hooks.add(hook("gone"));
        hooks.savepoint("within");
        hooks.add(hook("gone as well"));
        hooks.back_to("taken back as a whole");
        // A savepoint inside went with it.
        hooks.add(hook("last"));
        hooks.back_to("within");
        hooks.call();
        assert_eq!(*called.lock().unwrap(), ["before", "outer", "inner", "after", "last"]);
    }
}
